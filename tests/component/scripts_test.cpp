// Scripts that a node lacks are given to it once.
#include <cctype>
#include <set>

#include "batch.h"
#include "proxy/scripts/script_cache.h"

namespace slotless::test {

namespace {
constexpr std::string_view kForeignKey =
    "-ERR Script attempted to access a non local key in a cluster node script: f, on @user_function:3.\r\n";

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
  Received expectsLoading(std::size_t number) {
    const Received loading = node(number).expects(load);
    const Received run = node(number).expects(evalSha);
    loading.replies(bulk(sha));
    return run;
  }
  // Node 2 got it from here.
  void giveScript() {
    sendEval();
    client.sends(evalSha);
    expectsLoading(2).replies(":1\r\n");
    client.receives(":1\r\n");
  }
  // Of the node that has got it; the others have nothing.
  std::size_t receiver() {
    settle();
    std::size_t found = 0;
    for (std::size_t i = 1; i <= kNodes; ++i) {
      if (node(i).unexpected() == 0) continue;
      CHECK(found == 0);
      found = i;
    }
    REQUIRE(found != 0);
    return found;
  }
};
}  // namespace

TEST_CASE_METHOD(Scripts,
                 "a script that cannot write finds the keys that it does not declare, wherever they are") {
  const std::string command = GENERATE("EVAL_RO x 0", "FCALL_RO f 0");
  const std::size_t tries = GENERATE(1U, 2U, 3U);
  client.sends(command);
  std::set<std::size_t> asked;
  for (std::size_t i = 1; i <= tries; ++i) {
    const std::size_t number = receiver();
    asked.insert(number);
    node(number).expects(command).replies(i == tries ? ":1\r\n" : kForeignKey);
  }
  client.receives(":1\r\n");
  CHECK(asked.size() == tries);
}

TEST_CASE_METHOD(Scripts,
                 "a script that cannot write fails once no master has the keys that it does not declare") {
  client.sends("FCALL_RO f 0");
  for (std::size_t i = 1; i <= kNodes; ++i) node(receiver()).expects("FCALL_RO f 0").replies(kForeignKey);
  client.receives(kForeignKey);
}

TEST_CASE_METHOD(Scripts, "a script that may have written, or has declared a key, is sent to nobody else") {
  client.sends("EVAL x 0");
  node(receiver()).expects("EVAL x 0").replies(kForeignKey);
  client.receives(kForeignKey);
  client.sends("EVAL_RO x 1 a");
  node(1).expects("EVAL_RO x 1 a").replies(kForeignKey);
  client.receives(kForeignKey);
}

TEST_CASE_METHOD(Scripts,
                 "a script flagged no-cluster is sent without the flag, and called as its client knows it") {
  const std::string said = "#!lua flags=no-cluster\nreturn(2)";
  const std::string sent = "#!lua\nreturn(2)";
  const std::string saidSha = session::ScriptCache::sha1Of(said);
  const std::string sentSha = session::ScriptCache::sha1Of(sent);
  client.sendsBytes(request(Words{"EVAL", said, "1", "a"}));
  const Received eval = node(1).expectsAny();
  CHECK(eval.words() == Words{"EVAL", sent, "1", "a"});
  eval.replies("-ERR odd script: " + sentSha + ", on @user_script:2.\r\n");
  client.receives("-ERR odd script: " + saidSha + ", on @user_script:2.\r\n");
  client.sends("EVALSHA " + saidSha + " 1 b");
  const Received loading = node(2).expectsAny();
  CHECK(loading.words() == Words{"SCRIPT", "LOAD", sent});
  const Received run = node(2).expects("EVALSHA " + sentSha + " 1 b");
  loading.replies(bulk(sentSha));
  run.replies(":2\r\n");
  client.receives(":2\r\n");
}

TEST_CASE_METHOD(Scripts,
                 "a script that was seen is given to a node in front of EVALSHA, once for a connection") {
  giveScript();
  client.sends(evalSha);
  node(2).expects(evalSha).replies(":2\r\n");
  client.receives(":2\r\n");
  node(2).resets();
  settle();
  client.sends(evalSha);
  expectsLoading(2).replies(":3\r\n");
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(
    Scripts, "a node whose scripts somebody has flushed is given it again, and the client notices nothing") {
  giveScript();
  client.sends({evalSha, "GET a"});  // of another slot
  node(1).expects("GET a").replies(bulk("x"));
  node(2).expects(evalSha).replies(kNoScript);
  expectsLoading(2).replies(":1\r\n");
  client.receives(":1\r\n" + bulk("x"));
  CHECK(redirects(telemetry::Redirect::NoScript) == 1);
}

TEST_CASE_METHOD(Scripts, "EVALSHA never runs behind later requests about its slot") {
  sendEval();
  client.sends({evalSha, "GET b"});
  expectsLoading(2).replies(":1\r\n");
  node(2).expects("GET b").replies(bulk("x"));
  client.receives(":1\r\n" + bulk("x"));
  // Flushed by somebody else: as on one Redis, the client has to send the script again.
  client.sends({evalSha, "GET b"});
  node(2).expects(evalSha).replies(kNoScript);
  node(2).expects("GET b").replies(bulk("y"));
  client.receives(std::string(kNoScript) + bulk("y"));
  CHECK(redirects(telemetry::Redirect::NoScript) == 0);
  client.sends(evalSha);
  expectsLoading(2).replies(":2\r\n");
  client.receives(":2\r\n");
}

TEST_CASE_METHOD(Scripts, "where SCRIPT is denied EVAL takes the place of EVALSHA, once for a connection") {
  constexpr std::string_view kDenied =
      "-NOPERM this user has no permissions to run the 'script|load' command\r\n";
  const std::string eval = "EVAL return(1) 1 b";
  sendEval();
  client.sends(evalSha);
  const Received loading = node(2).expects(load);
  const Received run = node(2).expects(evalSha);
  loading.replies(kDenied);
  run.replies(kNoScript);
  node(2).expects(eval).replies(":1\r\n");
  client.receives(":1\r\n");
  client.sends(evalSha);
  node(2).expects(evalSha).replies(":2\r\n");
  client.receives(":2\r\n");
  REQUIRE(control.denials().rows().size() == 1);
  CHECK(control.denials().rows().front().what == telemetry::Deniable::ScriptLoad);
  // A connection that has not got it yet: at once, and in its turn.
  node(2).resets();
  settle();
  client.sends({evalSha, "GET b"});
  node(2).expects(eval).replies("-NOSCRIPT of the script's own\r\n");
  node(2).expects("GET b").replies(bulk("x"));
  client.receives("-NOSCRIPT of the script's own\r\n" + bulk("x"));
  // The node has lost it.
  client.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  node(2).expects(eval).replies(":3\r\n");
  client.receives(":3\r\n");
}

TEST_CASE_METHOD(Scripts, "where SCRIPT is denied a script that cannot write stays one that cannot") {
  control.denials().note(telemetry::Deniable::ScriptLoad, node(1).address(), "-NOPERM x", {});
  sendEval();
  client.sends("EVALSHA_RO " + sha + " 1 b x");
  node(2).expects("EVAL_RO return(1) 1 b x").replies(":1\r\n");
  client.receives(":1\r\n");
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
  giveScript();
  std::string capitals = evalSha;
  for (std::size_t i = 8; i < 48; ++i) capitals[i] = static_cast<char>(std::toupper(capitals[i]));
  client.sends(capitals);
  node(2).expects(capitals).replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Scripts, "one client's script helps another") {
  sendEval();
  other.sends(evalSha);
  expectsLoading(2).replies(":1\r\n");
  other.receives(":1\r\n");
}

TEST_CASE_METHOD(Scripts, "a script that was never seen is the client's to send") {
  client.sends(evalSha);
  node(2).expects(evalSha).replies(kNoScript);
  client.receives(kNoScript);
}

TEST_CASE_METHOD(Scripts, "a node that lacks the script after that has its answer passed on") {
  sendEval();
  client.sends(evalSha);
  expectsLoading(2).replies(kNoScript);
  client.receives(kNoScript);
  node(2).expectsNothing();
}

TEST_CASE_METHOD(Scripts, "a node that refuses the script has the command's own answer passed on") {
  sendEval();
  client.sends(evalSha);
  node(2).expects(load);
  node(2).expects(evalSha).replies("-ERR Error compiling script\r\n" + std::string(kNoScript));
  client.receives(kNoScript);
}

TEST_CASE_METHOD(Scripts, "a script that itself says NOSCRIPT in its own words has them passed on") {
  sendEval();
  client.sends(evalSha);
  expectsLoading(2).replies("-NOSCRIPT for tonight's play\r\n");
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
  expectsLoading(2).replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Scripts, "a script goes along to the node that the command is sent on to") {
  sendEval();
  client.sends(evalSha);
  expectsLoading(2).replies(moved("b", 3));
  expectsLoading(3).replies(":1\r\n");
  client.receives(":1\r\n");
}

TEST_CASE_METHOD(Scripts, "a script that was lost with its link may have run") {
  sendEval();
  client.sends(evalSha);
  expectsLoading(2);
  node(2).resets();
  client.receives(kAmbiguous);
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
  const std::string run = GENERATE("EVALSHA ", "EVALSHA_RO ") + sha + " 1 b";
  sendEval();
  client.sends({"MULTI", run, "EXEC"});
  node(2).expects(load).replies(bulk(sha));
  Batch(node(2), {run}).isAborted(ask("b", 3));
  node(3).expects(load).replies(bulk(sha));
  node(3).expects("ASKING").replies("+OK\r\n");
  Batch(node(3), {run}).replies("*1\r\n:1\r\n");
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n:1\r\n");
}

TEST_CASE_METHOD(Scripts, "where SCRIPT is denied a transaction is sent as it is") {
  control.denials().note(telemetry::Deniable::ScriptLoad, node(1).address(), "-NOPERM x", {});
  const std::string run = GENERATE("EVALSHA ", "EVALSHA_RO ") + sha + " 1 b";
  sendEval();
  client.sends({"MULTI", run, "EXEC"});
  const Received loading = node(2).expects(load);
  Batch batch(node(2), {run});
  loading.replies("-NOPERM x\r\n");
  batch.replies("*1\r\n" + std::string(kNoScript));
  client.receives("+OK\r\n+QUEUED\r\n*1\r\n" + std::string(kNoScript));
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

TEST_CASE_METHOD(Scripts, "a script that declares no keys goes where those in its text are") {
  const std::string text = "return redis.call('set','b',ARGV[1])";
  const std::string textSha = session::ScriptCache::sha1Of(text);
  for (int i = 0; i < 3; ++i) {
    client.sendsBytes(request(Words{"EVAL", text, "0", "x"}));
    node(2).expectsAny().replies("+OK\r\n");
    client.receives("+OK\r\n");
  }
  client.sends({"SET b y", "EVALSHA " + textSha + " 0 x"});
  node(2).expects("SET b y").replies("+OK\r\n");
  settle();
  if (node(2).unexpected() > 1) node(2).expectsAny().replies(bulk(textSha));  // SCRIPT LOAD
  node(2).expects("EVALSHA " + textSha + " 0 x").replies("+OK\r\n");
  client.receives("+OK\r\n+OK\r\n");
}

}  // namespace slotless::test
