// Lines of users, as in a file. What has been read is written and read again: then everybody may do the same,
// and it is written alike from then on.
#include "protocol/command_table.h"
#include "proxy/access/permission.h"
#include "proxy/access/users.h"
#include "target.h"

namespace {

using namespace slotless;

constexpr const char* kKeys[] = {"a1", "r1", "w1", "x", "*", "c1"};
constexpr const char* kForms[][2] = {
    {"get", nullptr}, {"set", "v"},          {"del", nullptr},       {"config", "get"},
    {"select", "0"},  {"publish", "m"},      {"subscribe", nullptr}, {"psubscribe", nullptr},
    {"eval_ro", "0"}, {"object", "encoding"}};

// What it may do, of some commands.
std::string verdicts(const access::UserPtr& user, const access::Vocabulary& words,
                     const protocol::CommandTable& table) {
  const access::Permission permission(user, words);
  std::vector<protocol::KeyUse> scratch;
  std::string result;
  for (const auto& form : kForms) {
    for (const char* key : kKeys) {
      std::vector<std::string_view> argv{form[0], key};
      if (form[1] != nullptr)
        argv.insert(argv.begin() + (std::string_view(form[0]) == "set" ? 2 : 1), form[1]);
      const protocol::CommandSpec* spec = table.find(argv);
      if (spec == nullptr) continue;
      result += static_cast<char>('0' + static_cast<int>(permission.check(*spec, argv, scratch).reason));
    }
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto table = protocol::CommandTable::builtIn();
  const access::Vocabulary words(*table);
  const access::User standard = access::makeDefaultUser("x");
  const auto readText = [&](const std::string& text) {
    return readUsers(access::linesOf(text), standard, words, access::Unknown::Accepted, "file");
  };
  const auto first = readText(std::string(fuzz::textOf(data, size)));
  if (!first.errors.empty()) return 0;
  const auto second = readText(textOf(first.users));
  fuzz::require(second.errors.empty(), "what is written can be read");
  const auto third = readText(textOf(second.users));
  fuzz::require(third.errors.empty() && textOf(third.users) == textOf(second.users), "and is written alike");
  fuzz::require(first.users.size() == second.users.size(), "nobody is lost");
  for (const auto& [name, user] : first.users) {
    const access::UserPtr other = findUser(second.users, name);
    fuzz::require(other != nullptr && other->limits == user->limits && other->passwords == user->passwords &&
                      verdicts(other, words, *table) == verdicts(user, words, *table),
                  "everybody may do the same");
  }
  return 0;
}
