#include "protocol/secrets.h"

#include <string>
#include <vector>

#include "catch.h"

using namespace slotless::protocol;

namespace {

// The words, with those that are secrets as "*".
std::string shown(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const Secrets secrets(words);
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += ' ';
    out += secrets.includes(i) ? "*" : words[i];
  }
  return out;
}

}  // namespace

TEST_CASE("Passwords are secrets wherever a command may have one") {
  CHECK(shown("AUTH p") == "AUTH *");
  CHECK(shown("auth u p") == "auth * *");
  CHECK(shown("HELLO 3 AUTH u p") == "HELLO 3 AUTH * *");
  CHECK(shown("hello 3 setname n auth u p") == "hello 3 setname n auth * *");
  CHECK(shown("HELLO 2 AUTH u p SETNAME n") == "HELLO 2 AUTH * * SETNAME n");
  CHECK(shown("ACL SETUSER u >p on") == "ACL SETUSER * * *");
  CHECK(shown("CONFIG SET maxclients 9 requirepass p MasterAuth q") ==
        "CONFIG SET maxclients 9 requirepass * MasterAuth *");
  CHECK(shown("MIGRATE h 1 k 0 100 AUTH p KEYS a b") == "MIGRATE h 1 k 0 100 AUTH * KEYS a b");
  CHECK(shown("migrate h 1 k 0 100 COPY auth2 u p KEYS a") == "migrate h 1 k 0 100 COPY auth2 * * KEYS a");
}

TEST_CASE("Malformed ones are no less secret") {
  CHECK(shown("AUTH u p q") == "AUTH * * *");
  CHECK(shown("HELLO 9 AUTH u p") == "HELLO 9 AUTH * *");
  CHECK(shown("HELLO AUTH u") == "HELLO AUTH *");
  CHECK(shown("HELLO 3 FOO AUTH u p") == "HELLO 3 FOO AUTH * *");
  CHECK(shown("CONFIG SET requirepass") == "CONFIG SET requirepass");
  CHECK(shown("AUTH") == "AUTH");
}

TEST_CASE("Other arguments are shown, whatever they say") {
  CHECK(shown("SET auth p") == "SET auth p");
  CHECK(shown("CONFIG GET requirepass") == "CONFIG GET requirepass");
  CHECK(shown("CONFIG SET foo requirepass bar 1") == "CONFIG SET foo requirepass bar 1");
  CHECK(shown("ACL WHOAMI x") == "ACL WHOAMI x");
  CHECK(shown("ACL") == "ACL");
}

TEST_CASE("A command inside of another one keeps its secrets, however deep") {
  CHECK(shown("COMMAND GETKEYS MIGRATE h 1 k 0 9 AUTH p") == "COMMAND GETKEYS MIGRATE h 1 k 0 9 AUTH *");
  CHECK(shown("ACL DRYRUN somebody AUTH u p") == "ACL DRYRUN somebody AUTH * *");
  CHECK(shown("COMMAND GETKEYS") == "COMMAND GETKEYS");
  CHECK(shown("ACL DRYRUN x") == "ACL DRYRUN x");
  CHECK(shown("PROXY EXPLAIN AUTH u p") == "PROXY EXPLAIN AUTH * *");
  std::string deep = "AUTH p";
  for (int i = 0; i < 10; ++i) deep = "COMMAND GETKEYS " + deep;
  CHECK(shown(deep).find(" p") == std::string::npos);
}
