// A script may say what the server says when it refuses one. Whether it was refused, a plain read of the same
// keys on the same link tells.
#include "protocol/command_facts.h"
#include "protocol/command_table.h"
#include "proxy/dispatch/held_reasons.h"
#include "proxy/scripts/script_cache.h"
#include "stage.h"

namespace slotless::test {

namespace {

constexpr std::string_view kDown = "-CLUSTERDOWN The cluster is down\r\n";
constexpr std::string_view kEval = "EVAL x 1 a";

struct Proof : Stage {
  // Up to the question.
  Received refused(std::string_view text = kDown) {
    client.sends(kEval);
    node(1).expects(kEval).replies(text);
    client.receivesNothing();
    return node(1).expects("EXISTS a");
  }
  // The script has perhaps been run, and is not run again.
  void expectsNoRepetition(std::string_view text = kDown) {
    client.receives(text);
    clock.advance(30s);
    node(1).expectsNothing();
    CHECK(redirects(telemetry::Redirect::ClusterDown) == 0);
  }
  void expectsRepetition(std::size_t number = 1) {
    client.receivesNothing();
    node(number).expectsNothing();
    clock.advance(50ms);
    node(number).expects(kEval).replies(kOk);
    client.receives(kOk);
  }
};

}  // namespace

TEST_CASE("a script's error in the server's words is the script's own if the node serves its keys") {
  for (const std::string_view text :
       {kTryAgain, kDown, std::string_view("-CLUSTERDOWN Hash slot not served\r\n"), kLoading}) {
    for (const std::string_view answer : {":0\r\n", ":1\r\n", "-NOPERM no EXISTS for you\r\n", "-ERR no\r\n",
                                          "-BUSY Redis is busy\r\n", "-CLUSTERDOWN in other words\r\n"}) {
      INFO(text << " and " << answer);
      Stage stage;
      stage.client.sends(kEval);
      stage.node(1).expects(kEval).replies(text);
      stage.client.receivesNothing();
      stage.node(1).expects("EXISTS a").replies(answer);
      stage.client.receives(text);
      stage.clock.advance(30s);
      stage.node(1).expectsNothing();
      stage.client.sends("GET a");
      stage.node(1).expects("GET a").replies(bulk("1"));
      stage.client.receives(bulk("1"));
    }
  }
}

TEST_CASE_METHOD(Proof, "an answer to the question that comes in pieces counts once it is whole") {
  const Received question = refused();
  question.replies(":");
  client.receivesNothing();
  question.replies("1\r\n");
  expectsNoRepetition();
}

TEST_CASE_METHOD(Proof, "whatever else passes proves that the script was refused, a redirect too") {
  for (const std::string& answer :
       {std::string(kTryAgain), std::string(kLoading), moved("a", 2), ask("a", 2),
        std::string(
            "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.\r\n")}) {
    CAPTURE(answer);
    refused().replies(answer);
    expectsRepetition();
  }
}

TEST_CASE_METHOD(Proof, "the script goes to the new owner if the slot has got one meanwhile") {
  const std::size_t before = control.urgentRefreshes;
  refused().replies(kDown);
  CHECK(control.urgentRefreshes > before);
  giveSlot("a", 2);
  expectsRepetition(2);
}

TEST_CASE_METHOD(Proof, "a script that is refused again is asked about again, until the deadline") {
  client.sends(kEval);
  for (net::Millis waited{0}; waited < 15s; waited += 50ms) {
    node(1).expects(kEval).replies(kDown);
    node(1).expects("EXISTS a").replies(kDown);
    client.receivesNothing();
    clock.advance(50ms);
  }
  client.receives(session::textOfRefusal(session::Trouble::ClusterDown));
}

TEST_CASE_METHOD(Proof, "a link that breaks during the question proves nothing") {
  refused();
  node(1).resets();
  expectsNoRepetition();
}

TEST_CASE_METHOD(Proof, "a link that breaks before the question has left proves nothing") {
  client.sends(kEval);
  const Received eval = node(1).expects(kEval);
  node(1).takesOnly(0);
  eval.replies(kDown);
  node(1).resets();
  expectsNoRepetition();
}

TEST_CASE_METHOD(Proof, "on the way of an ASK the question is fronted by ASKING, and so is the repetition") {
  client.sends("EVAL x 2 {a}1 {a}2");
  node(1).expects("EVAL x 2 {a}1 {a}2").replies(ask("a", 2));
  node(2).expectsAsking("EVAL x 2 {a}1 {a}2").replies(kTryAgain);
  node(2).expectsAsking("EXISTS {a}1 {a}2").replies(kTryAgain);
  client.receivesNothing();
  clock.advance(50ms);
  node(2).expectsAsking("EVAL x 2 {a}1 {a}2").replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(Proof, "a script without keys is asked about with PING") {
  settle();
  const auto ping = [&](std::string_view reply) {
    for (std::size_t i = 1; i <= kNodes; ++i) node(i).answersHandshake("PING", std::string(reply));
  };
  const auto refuses = [&] {
    settle();
    std::size_t asked = 0;
    for (std::size_t i = 1; i <= kNodes; ++i) asked = node(i).unexpected() > 0 ? i : asked;
    REQUIRE(asked > 0);
    const std::size_t said = node(asked).handshakes().size();
    node(asked).expects("EVAL x 0").replies(kLoading);
    REQUIRE(node(asked).handshakes().size() == said + 1);
    CHECK(node(asked).handshakes().back() == "PING");
  };
  ping(kLoading);
  client.sends("EVAL x 0");
  refuses();
  client.receivesNothing();
  clock.advance(50ms);
  ping("+PONG\r\n");
  refuses();
  client.receives(kLoading);
}

TEST_CASE_METHOD(Proof, "a function and a module's command are asked about with their keys") {
  std::vector<protocol::CommandSpec> facts = protocol::builtInFacts();
  facts.push_back(*protocol::parseFactLine("odd.set -3; write module; 1 1 1; @write;"));
  worker().setCommands(std::make_shared<const protocol::CommandTable>(std::move(facts)));
  settle();
  for (const std::string_view text : {"FCALL f 1 a more", "ODD.SET a b"}) {
    client.sends(text);
    node(1).expects(text).replies(kDown);
    node(1).expects("EXISTS a").replies(kDown);
    clock.advance(50ms);
    node(1).expects(text).replies(kOk);
    client.receives(kOk);
  }
}

TEST_CASE_METHOD(Proof, "keys of any bytes are asked for as they are") {
  const Words eval = {"EVAL", "x", "1", std::string("{a}\r\n\0 $", 8), "argument"};
  client.sendsBytes(request(eval));
  const Received got = node(1).expectsAny();
  CHECK(got.words() == eval);
  got.replies(kDown);
  const Received question = node(1).expectsAny();
  CHECK(question.words() == Words{"EXISTS", eval[3]});
  question.replies(kDown);
  clock.advance(50ms);
  const Received again = node(1).expectsAny();
  CHECK(again.words() == eval);
  again.replies(kOk);
  client.receives(kOk);
}

TEST_CASE("a client that leaves during the question is not answered, whatever the node says") {
  for (const std::string_view answer : {std::string_view(":0\r\n"), kDown, std::string_view()}) {
    CAPTURE(answer);
    Stage stage;
    stage.client.sends(kEval);
    stage.node(1).expects(kEval).replies(kDown);
    const Received question = stage.node(1).expects("EXISTS a");
    stage.client.resets();
    stage.settle();
    if (answer.empty()) {
      stage.node(1).resets();
    } else {
      question.replies(answer);
    }
    stage.clock.advance(1s);
    stage.node(1).expectsNothing();
  }
}

namespace {
struct LoadingProof : Proof {
  const std::string sha = session::ScriptCache::sha1Of("return(1)");
  const std::string evalSha = "EVALSHA " + sha + " 1 b";

  // For a node that is not known to have the script.
  LoadingProof() {
    client.sends("EVAL return(1) 1 a");
    node(1).expects("EVAL return(1) 1 a").replies(kOk);
    client.receives(kOk);
    client.sends(evalSha);
    node(2).expects("SCRIPT LOAD return(1)");
  }
};
}  // namespace

TEST_CASE_METHOD(LoadingProof,
                 "a script that was loaded for EVALSHA is not loaded again for its repetition") {
  node(2).expects(evalSha).replies(bulk(sha) + std::string(kDown));
  node(2).expects("EXISTS b").replies(kDown);
  clock.advance(50ms);
  node(2).expects(evalSha).replies(kOk);
  client.receives(kOk);
}

TEST_CASE_METHOD(LoadingProof, "a script that could not be loaded either is loaded with the repetition") {
  node(2).expects(evalSha).replies(std::string(kLoading) + std::string(kLoading));
  node(2).expects("EXISTS b").replies(kLoading);
  clock.advance(50ms);
  node(2).expects("SCRIPT LOAD return(1)");
  node(2).expects(evalSha).replies(bulk(sha) + std::string(kOk));
  client.receives(kOk);
}

TEST_CASE_METHOD(Proof, "scripts of one client that are refused together are repeated in their order") {
  client.sends({"EVAL x 1 a", "EVAL y 1 a", "GET b"});
  node(1).expects("EVAL x 1 a").replies(kDown);
  node(1).expects("EVAL y 1 a").replies(kDown);
  node(2).expects("GET b").replies(bulk("b"));
  const Received first = node(1).expects("EXISTS a");
  const Received second = node(1).expects("EXISTS a");
  first.replies(kDown);
  node(1).expectsNothing();
  second.replies(kDown);
  clock.advance(50ms);
  node(1).expects("EVAL x 1 a").replies(kOk);
  node(1).expects("EVAL y 1 a").replies(kOk);
  client.receives("+OK\r\n+OK\r\n" + bulk("b"));
}

TEST_CASE_METHOD(Proof,
                 "what a client sends during the question waits behind the script, but not elsewhere") {
  const Received question = refused();
  client.sends({"SET a 1", "GET b"});
  node(2).expects("GET b").replies(bulk("b"));
  node(1).expectsNothing();
  question.replies(kDown);
  clock.advance(50ms);
  node(1).expects(kEval).replies(kOk);
  node(1).expects("SET a 1").replies(kOk);
  client.receives("+OK\r\n+OK\r\n" + bulk("b"));
}

TEST_CASE_METHOD(Proof, "what waits behind the script goes on when nothing is proved") {
  const Received question = refused();
  client.sends("SET a 1");
  node(1).expectsNothing();
  question.replies(":1\r\n");
  node(1).expects("SET a 1").replies(kOk);
  client.receives(std::string(kDown) + "+OK\r\n");
}

TEST_CASE_METHOD(Proof,
                 "a script is not repeated after a later command of its client and slot was answered") {
  client.sends({kEval, "SET a 1"});
  const Received eval = node(1).expects(kEval);
  const Received set = node(1).expects("SET a 1");
  eval.replies(kDown);
  set.replies(kOk);
  node(1).expects("EXISTS a").replies(kDown);
  client.receives(std::string(kDown) + "+OK\r\n");
  clock.advance(1s);
  node(1).expectsNothing();
}

TEST_CASE_METHOD(Proof, "the slow log shows the script, not the question") {
  const Received question = refused();
  clock.advance(100ms);
  question.replies(":1\r\n");
  client.receives(kDown);
  client.sends("SLOWLOG GET");
  const std::string log = client.takes();
  CHECK(log.find(bulk("EVAL") + bulk("x") + bulk("1") + bulk("a")) != std::string::npos);
}

}  // namespace slotless::test
