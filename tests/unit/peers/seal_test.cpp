// What is sealed is read by those with the same credential, and by nobody else.
#include "proxy/peers/seal.h"

#include "catch.h"

using namespace slotless;
using namespace slotless::peers;
using upstream::Credentials;

namespace {

Seal sealWith(const Credentials& now, const std::optional<Credentials>& before = {}) {
  Seal seal;
  seal.setCredentials(now, before);
  return seal;
}

}  // namespace

TEST_CASE("who has the same user and password opens what was sealed, and nobody else does") {
  Seal one = sealWith({"proxy", "secret"});
  REQUIRE(one.hasKey());
  one.prepare();
  const auto message = one.sealed("kill user bob");
  REQUIRE(message);
  CHECK(Seal::isSealed(*message));
  CHECK(message->find("bob") == std::string::npos);
  CHECK(sealWith({"proxy", "secret"}).opened(*message) == "kill user bob");
  CHECK(one.opened(*message) == "kill user bob");
  CHECK_FALSE(sealWith({"proxy", "Secret"}).opened(*message));
  CHECK_FALSE(sealWith({"other", "secret"}).opened(*message));
  CHECK_FALSE(sealWith({"proxy", ""}).opened(*message));
}

TEST_CASE("the default user is the one without a name") {
  const auto message = sealWith({"", "secret"}).sealed("text");
  REQUIRE(message);
  CHECK(sealWith({"default", "secret"}).opened(*message) == "text");
}

TEST_CASE("no two messages are alike, and one that was changed does not open") {
  Seal seal = sealWith({"", "secret"});
  const std::string message = seal.sealed("text").value_or("");
  CHECK(seal.sealed("text") != message);
  for (std::size_t i = 0; i < message.size(); ++i) {
    INFO(i);
    std::string changed = message;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK_FALSE(seal.opened(changed));
  }
  for (std::size_t length = 0; length < message.size(); ++length)
    CHECK_FALSE(seal.opened(std::string_view(message).substr(0, length)));
  CHECK_FALSE(seal.opened(message + "x"));
  CHECK(seal.opened(message) == "text");
}

TEST_CASE("nothing, and what is not text, is sealed as well") {
  Seal seal = sealWith({"", "secret"});
  const std::string bytes("a\r\n\0b", 5);
  CHECK(seal.opened(seal.sealed("").value_or("")) == "");
  CHECK(seal.opened(seal.sealed(bytes).value_or("")) == bytes);
}

TEST_CASE("while a password changes, both are taken, and the new one is given") {
  const Credentials before{"", "old"};
  const Credentials now{"", "new"};
  Seal changing = sealWith(now, before);
  Seal late = sealWith(before);
  Seal done = sealWith(now);
  CHECK(changing.opened(late.sealed("text").value_or("")) == "text");
  const std::string message = changing.sealed("text").value_or("");
  CHECK(done.opened(message) == "text");
  CHECK_FALSE(late.opened(message));
}

TEST_CASE("where there is no password there is no key, whatever there was before") {
  Seal seal;
  CHECK_FALSE(seal.hasKey());
  seal.prepare();
  const std::string message = sealWith({"", "old"}).sealed("text").value_or("");
  seal.setCredentials({"", ""}, Credentials{"", "old"});
  CHECK_FALSE(seal.hasKey());
  CHECK_FALSE(seal.opened(message));
}

TEST_CASE("names are long, and each is another one") {
  CHECK(randomName().size() == 32);
  CHECK(randomName() != randomName());
}
