// What a client that caches is told of keys.
#include "proxy/tracking/invalidation.h"

#include "catch.h"
#include "config/config.h"
#include "protocol/encoder.h"
#include "protocol/operand_names.h"
#include "proxy/tracking/tracked.h"

namespace slotless::session {
namespace {

struct HearsAll final : Tracked {
  void push(char, std::string_view) override {}
  void countWaiting(std::size_t) override {}
  void uncountWaiting(std::size_t) noexcept override {}
  bool mayHearOf(const databases::Database*) const noexcept override { return true; }
  void onTrackingLinkGone(const upstream::Link&) noexcept override {}
};

std::string pushOf(const std::vector<std::string>& keys) {
  std::string push(kInvalidate);
  protocol::appendArrayHeader(push, keys.size());
  for (const std::string& key : keys) protocol::appendBulk(push, key);
  return push;
}

databases::Databases databasesOf(std::size_t count) {
  config::Config config;
  config.databases = static_cast<decltype(config.databases)>(count);
  return databases::Databases(config);
}

TEST_CASE("tracking: nobody hears of what the proxy writes for itself") {
  const HearsAll client;
  const databases::Databases all = databasesOf(GENERATE(std::size_t{1}, std::size_t{16}));
  const std::string operand = protocol::operandName(7, 0);
  const std::string other = protocol::operandName(7, 12);
  CHECK(translateInvalidation(all, client, pushOf({operand, other})).empty());
  CHECK(translateInvalidation(all, client, pushOf({"d", operand, "{t}x", other})) == pushOf({"d", "{t}x"}));
  CHECK(invalidationOf(all, client, {operand, "d"}) == pushOf({"d"}));
}

TEST_CASE("tracking: a client's own key is told of, however much its name is like the proxy's") {
  const HearsAll client;
  const databases::Databases all = databasesOf(GENERATE(std::size_t{1}, std::size_t{16}));
  for (const std::string key : {"", "~{", "~{abc}", "~{abc}slotless:operand", "x~{abc}slotless:operand:0"}) {
    INFO(key);
    CHECK(translateInvalidation(all, client, pushOf({key})) == pushOf({key}));
  }
}

TEST_CASE("tracking: a push that is no list of keys stays as it is") {
  const HearsAll client;
  const databases::Databases all = databasesOf(1);
  for (const std::string_view rest : {"$2\r\n~{\r\n", "*1\r\n*0\r\n$2\r\n~{\r\n"}) {
    const std::string push = std::string(kInvalidate) + std::string(rest);
    CHECK(translateInvalidation(all, client, push) == push);
  }
}

}  // namespace
}  // namespace slotless::session
