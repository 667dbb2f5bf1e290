// Scripts that a node lacks are given to it once.
#include <cctype>

#include "batch.h"
#include "proxy/session/script_cache.h"

namespace slotless::test {

namespace {
constexpr std::string_view kNoScript = "-NOSCRIPT No matching script. Please use EVAL.\r\n";

struct Scripts : Stage {
  const std::string sha = session::ScriptCache::sha1Of("return(1)");
  const std::string evalSha = "EVALSHA " + sha + " 1 b";
  const std::string load = "SCRIPT LOAD return(1)";

  void sendEval() {
    client.sends("EVAL return(1) 1 a");
    node(1).expects("EVAL return(1) 1 a").replies(":1\r\n");
    client.receives(":1\r\n");
  }
  // SCRIPT LOAD and EVALSHA in one piece.
  Received expectsHealing(std::size_t number) {
    const Received loading = node(number).expects(load);
    const Received again = node(number).expects(evalSha);
    loading.replies(bulk(sha));
    return again;
  }
};
}  // namespace

TEST_CASE_METHOD(Scripts,
                 "a node that lacks a script that was seen is given it, and the client notices nothing") {
  sendEval();
  client.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  expectsHealing(2).replies(":1\r\n");
  client.receives(":1\r\n");
  CHECK(redirects(telemetry::Redirect::NoScript) == 1);
}

TEST_CASE_METHOD(Scripts,
                 "a script that was seen exists although some nodes lack it, others must be everywhere") {
  sendEval();
  const std::string exists = "SCRIPT EXISTS " + sha + " everywhere somewhere";
  client.sends(exists);
  node(1).expects(exists).replies("*3\r\n:1\r\n:1\r\n:1\r\n");
  for (const std::size_t i : {2U, 3U}) node(i).expects(exists).replies("*3\r\n:0\r\n:1\r\n:0\r\n");
  client.receives("*3\r\n:1\r\n:1\r\n:0\r\n");
  client.sends("SCRIPT FLUSH");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("SCRIPT FLUSH").replies("+OK\r\n");
  client.receives("+OK\r\n");
  client.sends("SCRIPT EXISTS " + sha);
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("SCRIPT EXISTS " + sha).replies("*1\r\n:0\r\n");
  client.receives("*1\r\n:0\r\n");
}

TEST_CASE_METHOD(Scripts, "the SHA1 may be written in capitals") {
  sendEval();
  std::string capitals = evalSha;
  for (std::size_t i = 8; i < 48; ++i) capitals[i] = static_cast<char>(std::toupper(capitals[i]));
  client.sends(capitals);
  node(2).expects(capitals).replies(kNoScript);
  node(2).expects(load);
  node(2).expects(capitals).replies(bulk(sha) + ":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Scripts, "one client's script helps another") {
  sendEval();
  other.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  expectsHealing(2).replies(":1\r\n");
  other.receives(":1\r\n");
}

TEST_CASE_METHOD(Scripts, "a script that was never seen is the client's to send") {
  client.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  client.receives(kNoScript);
}

TEST_CASE_METHOD(Scripts, "a node that still lacks the script after that has its answer passed on") {
  sendEval();
  client.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  expectsHealing(2).replies(kNoScript);
  client.receives(kNoScript);
  node(2).expectsNothing();
}

TEST_CASE_METHOD(Scripts, "a node that refuses the script has the command's own answer passed on") {
  sendEval();
  client.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  node(2).expects(load);
  node(2).expects(evalSha).replies("-NOPERM no\r\n" + std::string(kNoScript));
  client.receives(kNoScript);
}

TEST_CASE_METHOD(Scripts, "a script that itself says NOSCRIPT in its own words has them passed on") {
  sendEval();
  client.sends(evalSha);
  node(2).expects(evalSha).replies("-NOSCRIPT for tonight's play\r\n");
  client.receives("-NOSCRIPT for tonight's play\r\n");
}

TEST_CASE_METHOD(Scripts, "SCRIPT FLUSH makes the proxy forget, too") {
  sendEval();
  client.sends("SCRIPT FLUSH");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("SCRIPT FLUSH").replies("+OK\r\n");
  client.receives("+OK\r\n");
  client.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  client.receives(kNoScript);
}

TEST_CASE_METHOD(Scripts, "a script first seen inside a transaction is remembered as well") {
  client.sends({"MULTI", "EVAL return(1) 1 a", "EXEC"});
  Batch(node(1), {"EVAL return(1) 1 a"}).replies("*1\r\n:1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
  client.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  expectsHealing(2).replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Scripts, "a script goes along to the node that the command is sent on to") {
  sendEval();
  client.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  expectsHealing(2).replies(moved("b", 3));
  expectsHealing(3).replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Scripts, "a script that was lost with its link may have run") {
  sendEval();
  client.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  expectsHealing(2);
  node(2).resets();
  client.receives(kAmbiguous);
}

TEST_CASE_METHOD(Scripts, "EVALSHA keeps its place among the client's requests") {
  sendEval();
  client.sends({evalSha, "GET b"});
  node(2).expects(evalSha).replies(kNoScript);
  const Received get = node(2).expects("GET b");
  get.replies(bulk("0"));
  // what was carried out after it decides: it must not run behind its back
  client.sends("PING");
  const std::string got = client.takes();
  if (node(2).unexpected() > 0) {
    expectsHealing(2).replies(":1\r\n");
    client.receives(":1\r\n" + bulk("0") + "+PONG\r\n");
    CHECK(got.empty());
  } else {
    CHECK(got.starts_with("-"));
    CHECK(got.ends_with(bulk("0") + "+PONG\r\n"));
  }
}

TEST_CASE_METHOD(Scripts,
                 "a transaction's scripts are given to its node in front of it, once for a connection") {
  sendEval();
  for (const bool first : {true, false}) {
    CAPTURE(first);
    client.sends({"MULTI", evalSha, "EXEC"});
    if (first) node(2).expects(load).replies(bulk(sha));
    Batch(node(2), {evalSha}).replies("*1\r\n:1\r\n");
    client.receives("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
  }
  node(2).resets();
  settle();
  client.sends({"MULTI", evalSha, "EXEC"});
  node(2).expects(load).replies(bulk(sha));
  Batch(node(2), {evalSha}).replies("*1\r\n:1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
}

TEST_CASE_METHOD(Scripts, "a transaction takes its scripts along to where it is redirected, before ASKING") {
  sendEval();
  client.sends({"MULTI", evalSha, "EXEC"});
  node(2).expects(load).replies(bulk(sha));
  Batch(node(2), {evalSha}).isAborted(ask("b", 3));
  node(3).expects(load).replies(bulk(sha));
  node(3).expects("ASKING").replies("+OK\r\n");
  Batch(node(3), {evalSha}).replies("*1\r\n:1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
}

TEST_CASE_METHOD(Scripts, "scripts that were flushed are not known to be anywhere") {
  sendEval();
  client.sends({"MULTI", evalSha, "EXEC"});
  node(2).expects(load).replies(bulk(sha));
  Batch(node(2), {evalSha}).replies("*1\r\n:1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
  client.sends("SCRIPT FLUSH");
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expects("SCRIPT FLUSH").replies("+OK\r\n");
  client.receives("+OK\r\n");
  client.sends({"MULTI", evalSha, "EXEC"});
  Batch(node(2), {evalSha}).replies("*1\r\n" + std::string(kNoScript));
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n" + std::string(kNoScript));
  sendEval();
  client.sends({"MULTI", evalSha, "EXEC"});
  node(2).expects(load).replies(bulk(sha));
  Batch(node(2), {evalSha}).replies("*1\r\n:1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
}

}  // namespace slotless::test
