// The exporter and what it posts with, over a fake transport and a fake clock.
#include "proxy/trace/exporter.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.h"
#include "decoded.h"
#include "fake_loop.h"
#include "proxy/telemetry/trace_counts.h"
#include "proxy/trace/protobuf.h"

namespace slotless::trace {
namespace {

using namespace std::chrono_literals;
using observe::RequestTrace;
using observe::TraceQueue;
using telemetry::TraceCounts;
using telemetry::TraceDrop;
using telemetry::TraceFailure;
using test::FakeConnection;

constexpr std::string_view kTaken = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

std::string answer(int status, const std::string& headers = {}, const std::string& body = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " x\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

ExportSettings settingsFor(const std::string& host) {
  return {{host, 4318, "/v1/traces"}, {"cache", "1", "0", "", 1}};
}

// What has been counted since it was made.
struct Counted {
  std::uint64_t exported() const { return counts.exported() - exportedBefore; }
  std::uint64_t dropped(TraceDrop reason) const {
    return counts.dropped(reason) - droppedBefore[static_cast<std::size_t>(reason)];
  }
  std::uint64_t failures(TraceFailure reason) const {
    return counts.failures(reason) - failuresBefore[static_cast<std::size_t>(reason)];
  }
  std::uint64_t allFailures() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < telemetry::kTraceFailures; ++i) sum += failures(static_cast<TraceFailure>(i));
    return sum;
  }

  const TraceCounts& counts = TraceCounts::ofProcess();
  const std::uint64_t exportedBefore = counts.exported();
  const std::vector<std::uint64_t> droppedBefore = [this] {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < telemetry::kTraceDrops; ++i)
      all.push_back(counts.dropped(static_cast<TraceDrop>(i)));
    return all;
  }();
  const std::vector<std::uint64_t> failuresBefore = [this] {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < telemetry::kTraceFailures; ++i)
      all.push_back(counts.failures(static_cast<TraceFailure>(i)));
    return all;
  }();
};

struct Bench {
  enum class Door { Open, Closed, Dead };

  test::FakeLoop loop;
  TraceQueue queue;
  Door door = Door::Open;
  std::vector<std::shared_ptr<FakeConnection>> connections;
  Counted counted;
  std::optional<Exporter> exporter;

  Bench() {
    loop.onConnect = [this](const std::shared_ptr<FakeConnection>& connection) {
      connections.push_back(connection);
      if (door == Door::Open) connection->accept();
      if (door == Door::Closed) connection->refuse();
    };
    // Each pause is as long as it may be.
    exporter.emplace(loop, queue, [](std::uint32_t bound) { return bound - 1; });
    exporter->use(settingsFor("10.0.0.1"));
  }

  void offer(std::size_t traces, const std::string& command = "get") {
    for (std::size_t i = 0; i < traces; ++i) {
      auto trace = std::make_unique<RequestTrace>();
      trace->command = command;
      queue.offer(std::move(trace));
    }
  }
  FakeConnection& connection() { return *connections.at(connections.size() - 1); }
  // What has been posted since; empty: nothing, or not all of it.
  std::string posted() {
    loop.settle();
    if (connections.empty()) return {};
    const std::string bytes = connection().takeWritten();
    const auto end = bytes.find("\r\n\r\n");
    return end == std::string::npos ? std::string() : bytes.substr(end + 4);
  }
  std::vector<std::string> postedNames() {
    std::vector<std::string> names;
    const std::string body = posted();
    if (body.empty()) return names;
    const Decoded scopeSpans = Decoded(body).message(1).message(2);
    for (const Decoded::Value& each : scopeSpans.all(2)) names.push_back(Decoded(each.text).one(5).text);
    return names;
  }
  void answers(std::string_view bytes) {
    connection().push(bytes);
    loop.settle();
  }
  void waits(net::Millis time) { loop.advance(time); }
  std::size_t held() const { return counted.counts.waiting(); }
};

using Names = std::vector<std::string>;

TEST_CASE_METHOD(Bench, "where nothing waits nobody is connected to") {
  waits(1min);
  CHECK(connections.empty());
}

TEST_CASE_METHOD(Bench, "what waits is posted once a second, as OTLP over HTTP has it") {
  offer(2);
  waits(999ms);
  CHECK(connections.empty());
  waits(1ms);
  loop.settle();
  REQUIRE(connections.size() == 1);
  CHECK(connection().peer() == net::Address{"10.0.0.1", 4318});
  const std::string bytes = connection().written();
  CHECK(bytes.starts_with("POST /v1/traces HTTP/1.1\r\nHost: 10.0.0.1:4318\r\nUser-Agent: slotless/"));
  CHECK(bytes.find("\r\nContent-Type: application/x-protobuf\r\n") != std::string::npos);
  const std::string body = bytes.substr(bytes.find("\r\n\r\n") + 4);
  CHECK(bytes.find("\r\nContent-Length: " + std::to_string(body.size()) + "\r\n") != std::string::npos);
  CHECK(postedNames() == Names{"get", "get"});
  CHECK(held() == 2);
  answers(kTaken);
  CHECK(counted.exported() == 2);
  CHECK(held() == 0);
}

TEST_CASE_METHOD(Bench,
                 "a connection is kept, in pieces and all, and a collector that likes to close it may") {
  offer(1, "first");
  waits(1s);
  CHECK(postedNames() == Names{"first"});
  for (const char each : kTaken) answers({&each, 1});
  CHECK(counted.exported() == 1);
  offer(1, "second");
  waits(1s);
  CHECK(postedNames() == Names{"second"});
  CHECK(connections.size() == 1);
  answers("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  CHECK(counted.exported() == 2);
  CHECK(connection().closed());
  offer(1, "third");
  waits(1s);
  CHECK(connections.size() == 2);
  CHECK(postedNames() == Names{"third"});
  answers(kTaken);
  CHECK(counted.allFailures() == 0);
}

TEST_CASE_METHOD(Bench, "enough for a batch is posted at once, and the next batch right behind it") {
  offer(2 * TraceQueue::kBatchSpans + 1);
  CHECK(postedNames().size() == TraceQueue::kBatchSpans);
  answers(kTaken);
  CHECK(postedNames().size() == TraceQueue::kBatchSpans);
  answers(kTaken);
  CHECK(posted().empty());
  waits(1s);
  CHECK(postedNames().size() == 1);
  answers(kTaken);
  CHECK(counted.exported() == 2 * TraceQueue::kBatchSpans + 1);
}

TEST_CASE("a collector that is busy gets the same batch again, later and later") {
  for (const int status : {429, 502, 503, 504}) {
    INFO(status);
    Bench bench;
    bench.offer(1, "first");
    bench.waits(1s);
    CHECK(bench.postedNames() == Names{"first"});
    for (const auto pause : {1s, 2s, 4s, 8s}) {
      bench.answers(answer(status));
      bench.offer(1, "later");
      bench.waits(pause - 1ms);
      CHECK(bench.posted().empty());
      bench.waits(1ms);
      CHECK(bench.postedNames() == Names{"first"});
    }
    bench.answers(kTaken);
    CHECK(bench.counted.failures(TraceFailure::Busy) == 4);
    CHECK(bench.counted.exported() == 1);
    bench.waits(1s);
    CHECK(bench.postedNames() == Names(4, "later"));
    // The next pause is a short one again.
    bench.answers(answer(status));
    bench.waits(1s);
    CHECK(bench.postedNames() == Names(4, "later"));
    bench.answers(kTaken);
  }
}

TEST_CASE_METHOD(Bench, "a collector may say when it wants to be asked again, within reason") {
  offer(1);
  waits(1s);
  CHECK_FALSE(posted().empty());
  answers(answer(503, "Retry-After: 7\r\n"));
  waits(6999ms);
  CHECK(posted().empty());
  waits(1ms);
  CHECK_FALSE(posted().empty());
  answers(answer(503, "Retry-After: 0\r\n"));
  CHECK_FALSE(posted().empty());
  answers(answer(429, "Retry-After: 100000\r\n"));
  waits(Exporter::kLongestWish - 1ms);
  CHECK(posted().empty());
  waits(1ms);
  CHECK_FALSE(posted().empty());
  answers(kTaken);
  CHECK(counted.exported() == 1);
}

TEST_CASE_METHOD(Bench, "what a collector does not want is dropped, and the next batch goes on") {
  for (const int status : {400, 401, 404, 413, 500, 301}) {
    INFO(status);
    offer(3);
    waits(1s);
    CHECK(postedNames().size() == 3);
    answers(answer(status));
    CHECK(held() == 0);
  }
  CHECK(counted.dropped(TraceDrop::Refused) == 18);
  CHECK(counted.failures(TraceFailure::Refused) == 6);
  offer(1);
  waits(1s);
  CHECK_FALSE(posted().empty());
  answers(answer(202));
  CHECK(counted.exported() == 1);
}

TEST_CASE_METHOD(Bench, "a batch is given up after a minute, and the next one waits its turn") {
  door = Door::Closed;
  offer(2, "first");
  waits(1s);
  CHECK(counted.failures(TraceFailure::Unreachable) == 1);
  offer(1, "second");
  waits(59s);
  CHECK(counted.dropped(TraceDrop::Unreachable) == 0);
  waits(31s);
  CHECK(counted.dropped(TraceDrop::Unreachable) == 2);
  door = Door::Open;
  waits(2s);
  CHECK(postedNames() == Names{"second"});
  answers(kTaken);
  CHECK(counted.exported() == 1);
  CHECK(held() == 0);
}

TEST_CASE_METHOD(Bench, "a collector that says nothing is given up, and asked again") {
  offer(1);
  waits(1s);
  CHECK_FALSE(posted().empty());
  waits(Post::kPatience - 1ms);
  CHECK_FALSE(connection().closed());
  waits(1ms);
  CHECK(connections.at(0)->closed());
  CHECK(counted.failures(TraceFailure::TimeOut) == 1);
  waits(1s);
  CHECK(connections.size() == 2);
  CHECK_FALSE(posted().empty());
  answers(kTaken);
  CHECK(counted.exported() == 1);
}

TEST_CASE_METHOD(Bench, "a collector that cannot be connected to in time is not waited for") {
  door = Door::Dead;
  offer(1);
  waits(1s);
  CHECK(connections.size() == 1);
  waits(Post::kPatience);
  CHECK(counted.failures(TraceFailure::TimeOut) == 1);
  CHECK(connections.at(0)->closed());
}

TEST_CASE_METHOD(Bench, "who does not speak HTTP does not get the batch again") {
  offer(1);
  waits(1s);
  CHECK_FALSE(posted().empty());
  answers("+OK RESP it is\r\n");
  CHECK(counted.failures(TraceFailure::Nonsense) == 1);
  CHECK(counted.dropped(TraceDrop::Refused) == 1);
  CHECK(connection().closed());
}

TEST_CASE_METHOD(Bench,
                 "spans that a collector rejects of a batch are counted, but not more than there were") {
  const auto partial = [](std::uint64_t rejected) {
    std::string body;
    ProtobufWriter(body).message(1, [&](ProtobufWriter& writer) {
      writer.varint(1, rejected);
      writer.bytes(2, "too many of them");
    });
    return answer(200, {}, body);
  };
  offer(5);
  waits(1s);
  CHECK_FALSE(posted().empty());
  answers(partial(2));
  CHECK(counted.exported() == 3);
  CHECK(counted.dropped(TraceDrop::Rejected) == 2);
  offer(1);
  waits(1s);
  CHECK_FALSE(posted().empty());
  answers(partial(UINT64_MAX));
  CHECK(counted.exported() == 3);
  CHECK(counted.dropped(TraceDrop::Rejected) == 3);
  CHECK(counted.allFailures() == 0);
}

TEST_CASE_METHOD(Bench, "a kept connection that was closed is made anew, and nothing is counted") {
  offer(1, "first");
  waits(1s);
  CHECK(postedNames() == Names{"first"});
  answers(kTaken);
  connection().end();
  loop.settle();
  CHECK(connections.at(0)->closed());
  offer(1, "second");
  waits(1s);
  CHECK(connections.size() == 2);
  CHECK(postedNames() == Names{"second"});
  answers(kTaken);
  // It goes while the next one is on its way.
  offer(1, "third");
  waits(1s);
  CHECK(postedNames() == Names{"third"});
  connection().reset();
  loop.settle();
  CHECK(connections.size() == 3);
  CHECK(postedNames() == Names{"third"});
  // The new one counts.
  connection().reset();
  loop.settle();
  CHECK(connections.size() == 3);
  CHECK(counted.failures(TraceFailure::Unreachable) == 1);
  waits(1s);
  CHECK(postedNames() == Names{"third"});
  answers(kTaken);
  CHECK(counted.exported() == 3);
  CHECK(counted.allFailures() == 1);
}

TEST_CASE_METHOD(Bench, "what comes unasked on a kept connection ends it") {
  offer(1);
  waits(1s);
  CHECK_FALSE(posted().empty());
  answers(kTaken);
  answers(kTaken);
  CHECK(connection().closed());
  CHECK(counted.exported() == 1);
}

TEST_CASE_METHOD(Bench,
                 "an answer that comes before all is written counts, and the connection is not used again") {
  offer(100);
  waits(999ms);
  loop.onConnect = [this](const std::shared_ptr<FakeConnection>& connection) {
    connections.push_back(connection);
    connection->setWriteCapacity(200);
    connection->accept();
  };
  waits(1ms);
  loop.settle();
  answers(answer(413));
  CHECK(counted.dropped(TraceDrop::Refused) == 100);
  CHECK(connection().closed());
}

TEST_CASE_METHOD(Bench, "a collector is found by its name, each of its addresses in turn") {
  exporter->use(settingsFor("collector"));
  loop.setResolution("collector", {{"10.0.0.7", "10.0.0.8"}, {}});
  offer(1);
  waits(1s);
  loop.settle();
  REQUIRE(connections.size() == 1);
  CHECK(connection().peer() == net::Address{"10.0.0.7", 4318});
  CHECK(connection().written().find("\r\nHost: collector:4318\r\n") != std::string::npos);
  answers(kTaken);
  CHECK(counted.exported() == 1);
}

TEST_CASE_METHOD(Bench, "a name that is not known is a collector that is not to be reached") {
  exporter->use(settingsFor("nowhere"));
  offer(1);
  waits(1s);
  CHECK(counted.failures(TraceFailure::Unreachable) == 1);
  loop.setResolution("nowhere", {{"10.0.0.9"}, {}});
  waits(1s);
  CHECK_FALSE(posted().empty());
  answers(kTaken);
}

TEST_CASE_METHOD(Bench, "another endpoint gets what the one before has not taken") {
  offer(1, "first");
  waits(1s);
  CHECK(postedNames() == Names{"first"});
  exporter->use(settingsFor("10.0.0.2"));
  CHECK(connections.at(0)->closed());
  waits(1s);
  CHECK(connection().peer() == net::Address{"10.0.0.2", 4318});
  CHECK(postedNames() == Names{"first"});
  answers(kTaken);
  CHECK(counted.exported() == 1);
}

TEST_CASE_METHOD(Bench, "without an endpoint what waits is dropped, and nothing is sent any more") {
  offer(1);
  waits(1s);
  offer(2);
  exporter->use(std::nullopt);
  CHECK(counted.dropped(TraceDrop::Ended) == 3);
  CHECK(held() == 0);
  offer(TraceQueue::kBatchSpans);
  waits(5s);
  CHECK(connections.size() == 1);
  CHECK(counted.dropped(TraceDrop::Ended) == TraceQueue::kBatchSpans + 3);
  exporter->use(settingsFor("10.0.0.1"));
  offer(1, "again");
  waits(1s);
  CHECK(postedNames() == Names{"again"});
  answers(kTaken);
}

struct Ending : Bench {
  int ends = 0;
  void flush() {
    const int before = ends;
    exporter->flush([this] { ++ends; });
    CHECK(ends == before);
  }
};

TEST_CASE_METHOD(Ending, "at the end all that waits is sent at once") {
  offer(TraceQueue::kBatchSpans - 1);
  offer(2, "last");
  static_cast<void>(posted());
  answers(kTaken);
  flush();
  CHECK(postedNames() == Names{"last"});
  CHECK(ends == 0);
  answers(kTaken);
  CHECK(ends == 1);
  CHECK(counted.exported() == TraceQueue::kBatchSpans + 1);
  waits(1min);
  CHECK(ends == 1);
}

TEST_CASE_METHOD(Ending, "at the end nothing is sent twice") {
  offer(1);
  waits(1s);
  CHECK_FALSE(posted().empty());
  offer(2);
  flush();
  answers(answer(503));
  CHECK(ends == 1);
  CHECK(counted.dropped(TraceDrop::Unreachable) == 1);
  CHECK(counted.dropped(TraceDrop::Ended) == 2);
  CHECK(held() == 0);
}

TEST_CASE_METHOD(Ending, "the end does not wait for a pause") {
  offer(1);
  waits(1s);
  CHECK_FALSE(posted().empty());
  answers(answer(503, "Retry-After: 50\r\n"));
  flush();
  CHECK_FALSE(posted().empty());
  answers(kTaken);
  CHECK(ends == 1);
  CHECK(counted.exported() == 1);
}

TEST_CASE_METHOD(Ending, "the end comes at once where nothing waits, or nothing is sent") {
  flush();
  loop.settle();
  CHECK(ends == 1);
  exporter->use(std::nullopt);
  flush();
  loop.settle();
  CHECK(ends == 2);
}

TEST_CASE_METHOD(Ending, "what has not been sent when it is over is counted as lost") {
  offer(1);
  waits(1s);
  CHECK_FALSE(posted().empty());
  offer(1);
  exporter.reset();
  CHECK(counted.dropped(TraceDrop::Ended) == 2);
  loop.settle();
}

TEST_CASE_METHOD(Ending, "a bell that rang before the end does no harm") {
  offer(TraceQueue::kBatchSpans);
  exporter.reset();
  loop.settle();
  CHECK(connections.empty());
  offer(TraceQueue::kBatchSpans);
  loop.settle();
}

}  // namespace
}  // namespace slotless::trace
