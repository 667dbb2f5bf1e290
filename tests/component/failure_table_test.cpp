// Section "failures" of the contract, row by row: first the table itself, then each row through a whole
// worker. What proves that a script was refused is in refusal_proof_test.cpp.
#include "proxy/dispatch/failure_table.h"

#include <array>

#include "protocol/command_table.h"
#include "stage.h"

namespace slotless::test {

using session::Action;
using session::RequestKind;
using session::Trouble;
using enum Action;

namespace {

constexpr std::string_view kKindNames[] = {
    "read", "write", "script that reads", "script that writes", "command that blocks", "transaction"};

struct Expected {
  Trouble trouble;
  std::array<Action, session::kRequestKindCount> serverText;
  std::array<Action, session::kRequestKindCount> otherText;
};

constexpr std::array<Action, session::kRequestKindCount> kAll(Action action) {
  return {action, action, action, action, action, action};
}
constexpr std::array kPasses = {RetryLater, RetryLater, RetryLater, PassOn, RetryLater, RetryLater};
constexpr std::array kPassesOnProof = {RetryLater,   RetryLater, RetryLater,
                                       RetryOnProof, RetryLater, RetryLater};
constexpr std::array kPassesUnlessForeign = {RetryLater, RetryLater, PassOn, PassOn, RetryLater, RetryLater};
constexpr std::array kLost = {Reroute, Ambiguous, Reroute, Ambiguous, Ambiguous, Ambiguous};

constexpr std::array kAlone = {RepeatAlone, Ambiguous, RepeatAlone, Ambiguous, Ambiguous, Ambiguous};
constexpr std::array kGivenUpActions = {GiveUp, Ambiguous, GiveUp, Ambiguous, Ambiguous, Ambiguous};

constexpr Expected kExpected[] = {
    {Trouble::Unsent, kAll(Reroute), kAll(Reroute)},
    {Trouble::LostSent, kLost, kLost},
    {Trouble::Suspected, kAlone, kAlone},
    {Trouble::BrokeAgain, kGivenUpActions, kGivenUpActions},
    {Trouble::RanLong, kGivenUpActions, kGivenUpActions},
    {Trouble::UnsentLarge, kAll(RepeatAlone), kAll(RepeatAlone)},
    {Trouble::RefusedAgain, kAll(GiveUp), kAll(GiveUp)},
    {Trouble::Late, kGivenUpActions, kGivenUpActions},
    {Trouble::Moved, kAll(Reroute), kAll(Reroute)},
    {Trouble::Ask, kAll(Reroute), kAll(Reroute)},
    {Trouble::TryAgain, kPassesOnProof, kPassesUnlessForeign},
    {Trouble::ClusterDown, kPassesOnProof, kPassesUnlessForeign},
    {Trouble::Loading, kPassesOnProof, kPassesUnlessForeign},
    {Trouble::ReadOnly, kPasses, kPassesUnlessForeign},
    {Trouble::MasterDown, kPasses, kPassesUnlessForeign},
    {Trouble::NoScript, {PassOn, PassOn, LoadScript, LoadScript, PassOn, PassOn}, kAll(PassOn)},
    {Trouble::ForeignKey,
     {PassOn, PassOn, AskOthers, PassOn, PassOn, PassOn},
     {PassOn, PassOn, AskOthers, PassOn, PassOn, PassOn}},
    {Trouble::NoAuth,
     {RetryLater, RetryLater, RetryOnProof, RetryOnProof, RetryLater, RetryLater},
     kPassesUnlessForeign},
    {Trouble::NoPerm, kPassesUnlessForeign, kPassesUnlessForeign},
    // CLIENT UNBLOCK's text begins like the server's own and is the client's.
    {Trouble::Unblocked, {RetryLater, PassOn, PassOn, PassOn, RetryLater, PassOn}, kAll(PassOn)},
    {Trouble::None, kAll(PassOn), kAll(PassOn)},
};

// One request of each kind, all with the key a.
constexpr std::string_view kRequests[] = {"GET a", "SET a 1", "EVAL_RO x 1 a", "EVAL x 1 a"};

struct ErrorRow {
  std::string_view serverText;
  std::string_view otherText;  // what a script could have written
  telemetry::Redirect counter;

  // A script that has written can meet the others in the same words.
  bool canBeProved() const {
    using enum telemetry::Redirect;
    return counter == TryAgain || counter == ClusterDown || counter == Loading;
  }
};

constexpr ErrorRow kErrors[] = {
    {kTryAgain, "-TRYAGAIN later\r\n", telemetry::Redirect::TryAgain},
    {"-CLUSTERDOWN The cluster is down\r\n", "-CLUSTERDOWN for good\r\n", telemetry::Redirect::ClusterDown},
    {"-CLUSTERDOWN Hash slot not served\r\n", "-CLUSTERDOWN\r\n", telemetry::Redirect::ClusterDown},
    {kLoading, "-LOADING my bags\r\n", telemetry::Redirect::Loading},
    {"-READONLY You can't write against a read only replica.\r\n", "-READONLY book\r\n",
     telemetry::Redirect::ReadOnly},
    {"-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n",
     "-MASTERDOWN and out\r\n", telemetry::Redirect::MasterDown},
};

}  // namespace

TEST_CASE("the failure table says for each trouble and each kind of request what the contract says") {
  static_assert(std::size(kExpected) == session::kTroubleCount);
  for (const Expected& row : kExpected) {
    for (std::size_t kind = 0; kind < session::kRequestKindCount; ++kind) {
      INFO(session::troubleName(row.trouble) << " of a " << kKindNames[kind]);
      CHECK(session::actionFor(row.trouble, static_cast<RequestKind>(kind), true) == row.serverText[kind]);
      CHECK(session::actionFor(row.trouble, static_cast<RequestKind>(kind), false) == row.otherText[kind]);
    }
  }
}

TEST_CASE("only what cannot write counts as a read, and scripts are known to return any text") {
  const auto table = protocol::CommandTable::builtIn();
  const auto kindOf = [&](std::string_view name) { return session::kindOf(*table->find(name)); };
  CHECK(kindOf("get") == RequestKind::Read);
  CHECK(kindOf("mget") == RequestKind::Read);
  CHECK(kindOf("touch") == RequestKind::Read);
  CHECK(kindOf("set") == RequestKind::Write);
  CHECK(kindOf("incr") == RequestKind::Write);
  CHECK(kindOf("publish") == RequestKind::Write);
  CHECK(kindOf("eval_ro") == RequestKind::ScriptRead);
  CHECK(kindOf("fcall_ro") == RequestKind::ScriptRead);
  CHECK(kindOf("evalsha_ro") == RequestKind::ScriptRead);
  CHECK(kindOf("eval") == RequestKind::ScriptWrite);
  CHECK(kindOf("evalsha") == RequestKind::ScriptWrite);
  CHECK(kindOf("fcall") == RequestKind::ScriptWrite);
  // These run none.
  CHECK(kindOf("script|load") == RequestKind::Read);  // as good as done once when it is done twice
  CHECK(kindOf("function|load") == RequestKind::Write);
}

TEST_CASE("requests of every kind wait unsent for a link and then go") {
  for (const std::string_view text : kRequests) {
    Stage stage;
    stage.settle();
    stage.node(1).refusesConnections();
    stage.node(1).resets();
    stage.client.sends(text);
    stage.clock.advance(5s);
    stage.client.receivesNothing();
    stage.node(1).acceptsConnections();
    stage.clock.advance(3s);
    stage.node(1).expects(text).replies("+OK\r\n");
    stage.client.receives("+OK\r\n");
  }
}

TEST_CASE("requests of every kind fail with CLUSTERDOWN when no link has come by their deadline") {
  for (const std::string_view text : kRequests) {
    Stage stage;
    stage.settle();
    stage.node(1).refusesConnections();
    stage.node(1).resets();
    stage.client.sends(text);
    stage.clock.advance(14'900ms);
    stage.client.receivesNothing();
    stage.clock.advance(200ms);
    stage.client.receives(kNoMaster);
  }
}

TEST_CASE("after a loss reads are repeated and writes are ambiguous, once and for all") {
  for (std::size_t kind = 0; kind < std::size(kRequests); ++kind) {
    Stage stage;
    stage.client.sends(kRequests[kind]);
    stage.node(1).expects(kRequests[kind]);
    stage.node(1).resets();
    if (kind == static_cast<std::size_t>(RequestKind::Read) ||
        kind == static_cast<std::size_t>(RequestKind::ScriptRead)) {
      stage.node(1).expects(kRequests[kind]).replies("+OK\r\n");
      stage.client.receives("+OK\r\n");
      CHECK(stage.metrics().ambiguousWrites.value() == 0);
    } else {
      stage.client.receives(kAmbiguous);
      stage.clock.advance(30s);
      stage.node(1).expectsNothing();
      CHECK(stage.metrics().ambiguousWrites.value() == 1);
    }
  }
}

TEST_CASE("what has broken two connections is not tried on a third, whatever its kind") {
  for (std::size_t kind = 0; kind < std::size(kRequests); ++kind) {
    INFO(kRequests[kind]);
    Stage stage;
    stage.client.sends(kRequests[kind]);
    stage.node(1).expects(kRequests[kind]).connection().reset();
    stage.settle();
    const bool reads = kind == static_cast<std::size_t>(RequestKind::Read) ||
                       kind == static_cast<std::size_t>(RequestKind::ScriptRead);
    if (reads) {
      stage.node(1).expects(kRequests[kind]).connection().reset();
      stage.settle();
    }
    stage.client.receives(
        session::textOf(reads ? Trouble::BrokeAgain : Trouble::LostSent, reads ? GiveUp : Ambiguous));
    stage.clock.advance(30s);
    stage.node(1).expectsNothing();
  }
}

TEST_CASE("what ran for long when its node was lost is not given to another one, but if it is cheap") {
  for (std::size_t kind = 0; kind < std::size(kRequests); ++kind) {
    INFO(kRequests[kind]);
    Stage stage;
    stage.client.sends(kRequests[kind]);
    stage.node(1).expects(kRequests[kind]);
    stage.node(1).ignoresConnections();
    stage.clock.advance(1s);
    stage.replaceNode(1, 4);
    stage.clock.advance(1s);
    if (kind == static_cast<std::size_t>(RequestKind::Read)) {  // GET
      stage.node(4).expects(kRequests[kind]).replies("+OK\r\n");
      stage.client.receives("+OK\r\n");
      continue;
    }
    const bool reads = kind == static_cast<std::size_t>(RequestKind::ScriptRead);
    stage.client.receives(session::textOf(Trouble::RanLong, reads ? GiveUp : Ambiguous));
    stage.clock.advance(30s);
    stage.node(4).expectsNothing();
  }
}

TEST_CASE("requests of every kind follow MOVED and ASK") {
  for (const std::string_view text : kRequests) {
    Stage stage;
    stage.client.sends(text);
    stage.node(1).expects(text).replies(stage.moved("a", 2));
    stage.node(2).expects(text).replies(stage.ask("a", 3));
    stage.node(3).expectsAsking(text).replies("+OK\r\n");
    stage.client.receives("+OK\r\n");
    CHECK(stage.redirects(telemetry::Redirect::Moved) == 1);
    CHECK(stage.redirects(telemetry::Redirect::Ask) == 1);
  }
}

TEST_CASE("refusals that pass are repeated inside; of a script only if it cannot have written") {
  for (const ErrorRow& row : kErrors) {
    for (std::size_t kind = 0; kind < std::size(kRequests); ++kind) {
      INFO(row.serverText << " to " << kRequests[kind]);
      Stage stage;
      stage.client.sends(kRequests[kind]);
      stage.node(1).expects(kRequests[kind]).replies(row.serverText);
      if (kind == static_cast<std::size_t>(RequestKind::ScriptWrite)) {
        if (!row.canBeProved()) {
          stage.client.receives(row.serverText);
          continue;
        }
        CHECK(stage.redirects(row.counter) == 0);
        stage.node(1).expects("EXISTS a").replies(row.serverText);
      }
      stage.client.receivesNothing();
      stage.node(1).expectsNothing();
      stage.clock.advance(50ms);
      stage.node(1).expects(kRequests[kind]).replies("+OK\r\n");
      stage.client.receives("+OK\r\n");
      CHECK(stage.redirects(row.counter) == 1);
    }
  }
}

TEST_CASE("a text that no server writes is a script's own reply, and a refusal from any other command") {
  for (const ErrorRow& row : kErrors) {
    for (std::size_t kind = 0; kind < std::size(kRequests); ++kind) {
      INFO(row.otherText << " to " << kRequests[kind]);
      Stage stage;
      stage.client.sends(kRequests[kind]);
      stage.node(1).expects(kRequests[kind]).replies(row.otherText);
      if (kind >= static_cast<std::size_t>(RequestKind::ScriptRead)) {
        stage.client.receives(row.otherText);
        continue;
      }
      stage.clock.advance(50ms);
      stage.node(1).expects(kRequests[kind]).replies("+OK\r\n");
      stage.client.receives("+OK\r\n");
    }
  }
}

TEST_CASE("a refusal that does not pass becomes CLUSTERDOWN, or TRYAGAIN, at the deadline") {
  for (const ErrorRow& row : kErrors) {
    Stage stage;
    stage.client.sends("GET a");
    std::size_t tries = 0;
    for (net::Millis waited{0}; waited < 15s; waited += 50ms, ++tries) {
      stage.node(1).expects("GET a").replies(row.serverText);
      stage.client.receivesNothing();
      stage.clock.advance(50ms);
    }
    const std::string word(row.serverText.substr(1, row.serverText.find(' ') - 1));
    const std::string reason = row.counter == telemetry::Redirect::TryAgain
                                   ? std::string(kTryAgain)
                                   : "-CLUSTERDOWN The node says " + word + ": ";
    CHECK(stage.client.takes().starts_with(reason));
    CHECK(stage.redirects(row.counter) == tries);
  }
}

TEST_CASE_METHOD(Stage, "the topology is asked for when a refusal means that it may have changed") {
  client.sends("GET a");
  const std::size_t before = control.urgentRefreshes;
  node(1).expects("GET a").replies("-CLUSTERDOWN The cluster is down\r\n");
  CHECK(control.urgentRefreshes > before);
  giveSlot("a", 2);
  clock.advance(50ms);
  node(2).expects("GET a").replies("+OK\r\n");
  client.receives("+OK\r\n");
}

}  // namespace slotless::test
