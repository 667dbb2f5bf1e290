// Every pair of a session's mode and a command's role, against what Redis 7.0 does with it.
#include "proxy/session/session_table.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "catch.h"

namespace slotless::test {

using protocol::SessionRole;
using session::Mode;
using session::Verdict;

namespace {

struct Expected {
  SessionRole role;
  const char* name;
  Verdict plain, queueing, subscribed, monitoring;
};

using enum Verdict;

constexpr Expected kExpected[] = {
    {SessionRole::None, "an ordinary command", Run, Queue, RefuseSubscribed, Run},
    {SessionRole::Multi, "MULTI", Begin, RefuseNested, RefuseSubscribed, Begin},
    {SessionRole::Exec, "EXEC", RefuseExec, Execute, RefuseSubscribed, RefuseExec},
    {SessionRole::Discard, "DISCARD", RefuseDiscard, Verdict::Discard, RefuseSubscribed, RefuseDiscard},
    {SessionRole::Watch, "WATCH", Verdict::Watch, RefuseWatch, RefuseSubscribed, Verdict::Watch},
    {SessionRole::Unwatch, "UNWATCH", Verdict::Unwatch, Queue, RefuseSubscribed, Verdict::Unwatch},
    {SessionRole::Blocking, "BLPOP", Block, Queue, RefuseSubscribed, Block},
    {SessionRole::Wait, "WAIT", WaitForReplicas, Queue, RefuseSubscribed, WaitForReplicas},
    {SessionRole::Subscribe, "SUBSCRIBE", Verdict::Subscribe, RefuseInTransaction, Verdict::Subscribe,
     Verdict::Subscribe},
    {SessionRole::Unsubscribe, "UNSUBSCRIBE", Verdict::Unsubscribe, RefuseInTransaction, Verdict::Unsubscribe,
     Verdict::Unsubscribe},
    {SessionRole::Monitor, "MONITOR", Verdict::Monitor, RefuseInTransaction, RefuseSubscribed,
     Verdict::Monitor},
    {SessionRole::Select, "SELECT", Run, Queue, RefuseSubscribed, Run},
    {SessionRole::Tracking, "CLIENT TRACKING", Track, RefuseInTransaction, RefuseSubscribed, Track},
    {SessionRole::Caching, "CLIENT CACHING", Run, Queue, RefuseSubscribed, Run},
    {SessionRole::Ping, "PING", Run, Queue, Run, Run},
    {SessionRole::Reset, "RESET", Verdict::Reset, Verdict::Reset, Verdict::Reset, Verdict::Reset},
    {SessionRole::Quit, "QUIT", Run, Run, Run, Run},
};
static_assert(std::size(kExpected) == protocol::kSessionRoleCount);

}  // namespace

TEST_CASE("each command does in each mode what Redis lets it do") {
  for (const Expected& row : kExpected) {
    INFO(row.name);
    CHECK(session::verdictFor(Mode::Plain, row.role) == row.plain);
    CHECK(session::verdictFor(Mode::Queueing, row.role) == row.queueing);
    CHECK(session::verdictFor(Mode::Subscribed, row.role) == row.subscribed);
    CHECK(session::verdictFor(Mode::Monitoring, row.role) == row.monitoring);
  }
}

TEST_CASE("every mode has a name of its own") {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < session::kModeCount; ++i) {
    const std::string_view name = session::modeName(static_cast<Mode>(i));
    CHECK_FALSE(name.empty());
    CHECK(std::find(names.begin(), names.end(), name) == names.end());
    names.push_back(name);
  }
}

}  // namespace slotless::test
