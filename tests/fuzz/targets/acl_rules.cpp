// Lines of users, as in a file. What has been read is written and read again: it must be the same.
#include <map>

#include "protocol/command_table.h"
#include "proxy/access/permission.h"
#include "proxy/access/users.h"
#include "target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotless;
  const auto table = protocol::CommandTable::builtIn();
  const access::Vocabulary words(*table);
  const access::User standard = access::makeDefaultUser("x");
  const auto read = readUsers(access::linesOf(std::string(fuzz::textOf(data, size))), standard, words,
                              access::Unknown::Accepted, "file");
  if (!read.errors.empty()) return 0;
  const std::string text = textOf(read.users);
  const auto again = readUsers(access::linesOf(text), standard, words, access::Unknown::Accepted, "file");
  fuzz::require(again.errors.empty(), "what is written can be read");
  fuzz::require(textOf(again.users) == text, "and says the same");
  for (const auto& [name, user] : read.users) {
    const access::UserPtr other = findUser(again.users, name);
    fuzz::require(other != nullptr && *other == *user, "nothing is lost");
  }
  return 0;
}
