#include "proxy/session/trace_sampling.h"

#include "catch.h"
#include "protocol/command_table.h"
#include "proxy/session/key_sampling.h"

namespace slotless::session {
namespace {

config::Config tracing(std::uint64_t sample) {
  config::Config config;
  config.traceEndpoint = "http://collector:4318/v1/traces";
  config.traceSample = sample;
  return config;
}

int chosenOf(int times, const config::Config& config, std::uint64_t every) {
  int chosen = 0;
  for (int i = 0; i < times; ++i) chosen += isTraceNext(config, every) ? 1 : 0;
  return chosen;
}

TEST_CASE("as many requests are looked at as the option needs that wants most") {
  config::Config config;
  config.hotKeysSample = 0;
  CHECK(samplingStep(config) == 0);
  config.traceSample = 50;
  CHECK(samplingStep(config) == 0);  // there is nowhere to send them
  config.traceEndpoint = "http://collector:4318/v1/traces";
  CHECK(samplingStep(config) == 50);
  config.hotKeysSample = 100;
  CHECK(samplingStep(config) == 50);
  config.hotKeysSample = 10;
  CHECK(samplingStep(config) == 10);
  config.shadowSample = 3;
  CHECK(samplingStep(config) == 3);
  config.traceSample = 0;
  CHECK(samplingStep(config) == 3);
}

TEST_CASE("of what is looked at so many are traced as trace-sample says") {
  CHECK(chosenOf(100, tracing(0), 100) == 0);
  CHECK(chosenOf(100, tracing(1), 1) == 100);
  CHECK(chosenOf(100, tracing(400), 100) == 25);
  config::Config off = tracing(1);
  off.traceEndpoint.clear();
  CHECK(chosenOf(100, off, 1) == 0);
}

TEST_CASE("a change to many does not catch up on what had been passed over") {
  CHECK(chosenOf(99, tracing(1'000'000), 10'000) == 0);
  CHECK(chosenOf(1, tracing(10), 10) == 1);
  CHECK(chosenOf(5, tracing(100), 10) == 0);
}

TEST_CASE("a trace begins with its client's ids, or new ones") {
  const config::Config config = tracing(1);
  const databases::Databases databases(config);
  const auto table = protocol::CommandTable::builtIn();
  const protocol::CommandSpec* const spec = table->find("get");
  REQUIRE(spec != nullptr);
  const net::TimePoint now{std::chrono::seconds(7)};
  observe::TraceParent parent;
  parent.trace[0] = 1;
  parent.span[0] = 2;
  const auto given = beginTrace({*spec, databases.at(3), 9, {"10.0.0.9", 5}, &parent}, now);
  CHECK(given->trace == parent.trace);
  CHECK(given->parent == parent.span);
  CHECK(given->command == "get");
  CHECK(given->database == 3);
  CHECK(given->client == 9);
  CHECK(given->clientAddress == net::Address{"10.0.0.9", 5});
  CHECK(given->begun == now);
  const auto made = beginTrace({*spec, databases.at(0), 9, {}, nullptr}, now);
  CHECK_FALSE(made->parent);
  CHECK(made->trace != observe::TraceId{});
  CHECK(made->span != given->span);
}

TEST_CASE("only what is recorded is traced because its client wants it") {
  observe::TraceParent parent;
  const net::TimePoint now{std::chrono::hours(2)};
  CHECK_FALSE(mayTraceAsked(tracing(0), parent, now));
  parent.sampled = true;
  CHECK(mayTraceAsked(tracing(0), parent, now));
  CHECK_FALSE(mayTraceAsked(config::Config(), parent, now));
}

}  // namespace
}  // namespace slotless::session
