// PROXY … ALL: what one proxy and others do together, as a client asks for it, and as another proxy does.
#include <memory>
#include <optional>

#include "proxy/console/order_kinds.h"
#include "proxy/pubsub/peer_desk.h"
#include "proxy/pubsub/peer_report.h"
#include "proxy/telemetry/log.h"
#include "stage.h"

namespace slotless::test {

using pubsub::PeerAnswer;
using pubsub::PeerAnswers;
using pubsub::PeerDesk;
using pubsub::PeerOrder;

namespace {

PeerAnswer saidBy(const std::string& id, PeerAnswer::State state, const std::string& text,
                  const std::string& lines = {}, std::uint64_t leftOut = 0) {
  return {id, "at " + id, state, text, lines, leftOut};
}

}  // namespace

struct Several : Stage {
  Several() { config.allowAdminCommands = true; }

  // Others that answer so; what they were asked is in `asked`.
  void othersSay(PeerAnswers answers) {
    attendance_ = PeerDesk::ofProcess().attend(
        loop, [this, answers = std::move(answers)](const PeerOrder& order, const PeerDesk::Answered& done) {
          asked.push_back(order);
          done(answers);
        });
  }
  std::string says(FakeClient& who, const std::string& command) {
    who.sends(command);
    return who.takes();
  }
  // Another proxy wants it; nullopt: it has not been answered yet.
  std::optional<PeerAnswer>& othersWant(std::vector<std::string> words, std::size_t room = 100'000) {
    answer.reset();
    worker();  // it may be the first that happens
    control.tellWorkers([this, order = PeerOrder{std::move(words), "10.9.9.9:1 elsewhere"}, room](
                            session::Services& services, std::size_t number) {
      if (number != 0) return;
      session::carryOut(services, order, 0, room, [this](PeerAnswer own) { answer = std::move(own); });
    });
    settle();
    return answer;
  }

  std::vector<PeerOrder> asked;
  std::optional<PeerAnswer> answer;

 private:
  std::unique_ptr<PeerDesk::Attendance> attendance_;
};

TEST_CASE_METHOD(Several, "PROXY CLIENTS ALL of a proxy that is alone has its own") {
  const std::string text = says(client, "PROXY CLIENTS ALL");
  CHECK(contains(text,
                 "proxies=1 answered=1 peers=off\nproxy=\"\" who=self answered=yes clients=1 place=\"\"\n"
                 "proxy=\"\" id=1 worker=0 "));
}

TEST_CASE_METHOD(Several, "what others say stands behind it, and who says nothing is named") {
  auto report = std::make_shared<pubsub::PeerReport>();
  report->isOn = report->hears = true;
  report->self.id = "own";
  report->self.place = "here";
  control.census().setPeers(report);
  othersSay({saidBy("a", PeerAnswer::State::Done, "clients=2", "id=7 x\nid=8 y\n", 3),
             saidBy("b", PeerAnswer::State::Refused, "ERR no"),
             saidBy("c", PeerAnswer::State::NotAsked, "too often"),
             saidBy("d", PeerAnswer::State::Silent, ""),
             saidBy("e", PeerAnswer::State::Done, "clients=1\nproxy=\"own\"", "odd")});
  const std::string text = says(client, "PROXY clients all");
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].words == std::vector<std::string>{"clients"});
  CHECK(contains(asked[0].by, "127.0.0.1:"));
  CHECK(contains(text,
                 "proxies=6 answered=3 peers=on\n"
                 "proxy=\"own\" who=self answered=yes clients=1 place=\"here\"\nproxy=\"own\" id=1 "));
  CHECK(contains(text,
                 "\nproxy=\"a\" who=other answered=yes clients=2 left-out=3 place=\"at a\"\n"
                 "proxy=\"a\" id=7 x\nproxy=\"a\" id=8 y\n"
                 "proxy=\"b\" who=other answered=refused error=\"ERR no\" place=\"at b\"\n"
                 "proxy=\"c\" who=other answered=not-asked why=\"too often\" place=\"at c\"\n"
                 "proxy=\"d\" who=other answered=no place=\"at d\"\n"
                 "proxy=\"e\" who=other answered=yes \"clients=1\\nproxy=\\\"own\\\"\" place=\"at e\"\n"
                 "proxy=\"e\" odd\n"));
}

TEST_CASE_METHOD(Several, "a client that leaves before others have answered is not missed") {
  PeerDesk::Answered late;
  const auto attendance = PeerDesk::ofProcess().attend(
      loop, [&](const PeerOrder&, PeerDesk::Answered done) { late = std::move(done); });
  other.sends("PROXY CLIENTS ALL");
  other.receivesNothing();
  other.resets();
  late({});
  settle();
  client.sends("PING");
  client.receives("+PONG\r\n");
}

TEST_CASE_METHOD(Several, "other words than ALL are errors, and nobody is asked") {
  othersSay({});
  const auto wrong = [](const std::string& name) {
    return "-ERR unknown subcommand or wrong number of arguments for '" + name + "'. Try PROXY HELP.\r\n";
  };
  client.sends({"PROXY CLIENTS EACH", "PROXY RESUME EACH", "PROXY CLIENTS ALL ALL", "PROXY KILL ALL",
                "PROXY KILL USER ALL NONSENSE", "PROXY KILL ADDR 1:1 ID 3 ALL"});
  const std::string text = client.takes();
  CHECK(text.starts_with(wrong("CLIENTS") + wrong("RESUME") + wrong("CLIENTS") + "-ERR syntax error\r\n"));
  CHECK(contains(text, "-ERR with ALL there is no ID: each proxy has ids of its own\r\n"));
  CHECK(asked.empty());
}

TEST_CASE_METHOD(Stage, "KILL and CONFIG SET of PROXY are for administrators") {
  client.sends({"PROXY KILL NAME x", "PROXY KILL NAME x ALL", "PROXY CONFIG SET timeout 10",
                "PROXY CONFIG SET timeout 10 ALL"});
  const std::string kill =
      "-ERR 'proxy|kill' concerns all clients: Slotless refuses it unless allow-admin-commands is set\r\n";
  const std::string set = "-ERR 'config' concerns all clients, and allow-admin-commands is not set here\r\n";
  client.receives(kill + kill + set + set);
}

TEST_CASE_METHOD(Several, "PROXY KILL without ALL is CLIENT KILL") {
  other.sends("CLIENT SETNAME victim");
  other.receives(kOk);
  othersSay({});
  client.sends({"PROXY KILL USER nobody", "PROXY KILL ID 1"});
  client.receives("-ERR No such user 'nobody'\r\n:1\r\n");
  CHECK(other.isClosed());
  CHECK(asked.empty());
}

TEST_CASE_METHOD(Several, "PROXY KILL ALL closes clients here and there, but not who asks") {
  FakeClient& far = addClient();
  far.sends("PING");
  far.receives("+PONG\r\n");
  othersSay({saidBy("a", PeerAnswer::State::Done, "killed=5")});
  const std::string text = says(client, "PROXY KILL TYPE normal ALL");
  CHECK(contains(text,
                 "proxies=2 answered=2 peers=off\nproxy=\"\" who=self answered=yes killed=1 place=\"\"\n"
                 "proxy=\"a\" who=other answered=yes killed=5 place=\"at a\"\n"));
  CHECK(asked.at(0).words == std::vector<std::string>{"kill", "TYPE", "normal"});
  CHECK(far.isClosed());
  CHECK_FALSE(client.isClosed());
  CHECK(contains(says(client, "PROXY KILL USER all ALL"), "killed=0"));  // a name
  CHECK(contains(says(client, "PROXY KILL SKIPME no ALL"), "killed=1"));
  CHECK(client.isClosed());
}

TEST_CASE_METHOD(Several, "another proxy's client closes clients here, too") {
  client.sends("CLIENT SETNAME victim");
  client.receives(kOk);
  other.sends("PING");
  other.receives("+PONG\r\n");
  REQUIRE(othersWant({"kill", "addr", "10.1.1.1:1"}));
  CHECK(answer->state == PeerAnswer::State::Done);
  CHECK(answer->text == "killed=0");
  REQUIRE(othersWant({"kill", "type", "normal"}));
  CHECK(answer->text == "killed=2");
  CHECK(client.isClosed());
  CHECK(other.isClosed());
}

TEST_CASE_METHOD(Several, "what another proxy wants and this one does not know, or cannot do, is refused") {
  const std::vector<std::vector<std::string>> kOrders = {{"dance"},
                                                         {},
                                                         {"clients", "x"},
                                                         {"kill"},
                                                         {"kill", "id", "1"},
                                                         {"kill", "colour", "red"},
                                                         {"pause"},
                                                         {"pause", "x", "1"},
                                                         {"pause", "1", "0"},
                                                         {"pause", "-1", "1"},
                                                         {"resume", "x"},
                                                         {"config"},
                                                         {"config", "get", "a", "b"},
                                                         {"config", "set", "timeout"}};
  for (const std::vector<std::string>& words : kOrders) {
    REQUIRE(othersWant(words));
    CHECK(answer->state == PeerAnswer::State::Refused);
    CHECK(answer->text.starts_with("ERR "));
  }
}

TEST_CASE_METHOD(Stage,
                 "a proxy without allow-admin-commands does nothing for others, and shows its clients") {
  client.sends("PING");
  client.receives("+PONG\r\n");
  std::vector<PeerAnswer> answers;
  const std::vector<std::vector<std::string>> kOrders = {{"kill", "type", "normal"},
                                                         {"pause", "1", "1000"},
                                                         {"resume"},
                                                         {"config", "set", "timeout", "10"},
                                                         {"clients"}};
  for (const std::vector<std::string>& words : kOrders) {
    control.tellWorkers([&](session::Services& services, std::size_t) {
      session::carryOut(services, {words, "x"}, 0, 1000,
                        [&](PeerAnswer own) { answers.push_back(std::move(own)); });
    });
    settle();
  }
  REQUIRE(answers.size() == 5);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(answers[i].state == PeerAnswer::State::Refused);
    CHECK(contains(answers[i].text, "allow-admin-commands"));
  }
  CHECK(answers[4].state == PeerAnswer::State::Done);
  CHECK(contains(answers[4].lines, "id=1 "));
  CHECK_FALSE(client.isClosed());
}

TEST_CASE_METHOD(Several, "lines that there is no room for are counted") {
  client.sends("PING");
  other.sends("PING");
  client.receives("+PONG\r\n");
  other.receives("+PONG\r\n");
  REQUIRE(othersWant({"clients"}, 10));
  CHECK(answer->text == "clients=2");
  CHECK(answer->lines.empty());
  CHECK(answer->leftOut == 2);
  REQUIRE(othersWant({"clients"}));
  CHECK(answer->lines.starts_with("id=1 worker=0 "));
  CHECK(contains(answer->lines, "\nid=2 "));
  CHECK(answer->leftOut == 0);
}

TEST_CASE_METHOD(Several,
                 "PROXY PAUSE ALL holds all that is new, says what is in flight, and ends at its time") {
  client.sends("GET a");
  const Received a = node(1).expects("GET a");
  othersSay({saidBy("a", PeerAnswer::State::Done, "paused=yes in-flight=0")});
  other.sends("PROXY PAUSE 5000 60000 ALL");
  clock.advance(500ms);
  other.receivesNothing();
  clock.advance(200ms);
  CHECK(contains(other.takes(), "who=self answered=yes paused=yes in-flight=1 place"));
  CHECK(asked.at(0).words == std::vector<std::string>{"pause", "5000", "60000"});
  a.replies(bulk("1"));
  client.receives(bulk("1"));
  client.sends("PING");
  client.receivesNothing();
  CHECK(contains(says(other, "PROXY PAUSE 0 60000 ALL"), "in-flight=0"));
  other.leaves();
  clock.advance(59s);
  client.receivesNothing();
  clock.advance(2s);
  client.receives("+PONG\r\n");
}

TEST_CASE_METHOD(Several, "with ALL a pause needs a time at which it ends") {
  othersSay({});
  const std::string wrong =
      "-ERR with ALL a pause needs a duration: PROXY PAUSE milliseconds duration ALL\r\n";
  client.sends({"PROXY PAUSE ALL", "PROXY PAUSE 10 ALL", "PROXY PAUSE x 10 ALL", "PROXY PAUSE 10 0 ALL"});
  client.receives(wrong + wrong + wrong + wrong);
  CHECK(asked.empty());
}

TEST_CASE_METHOD(Several, "another proxy pauses this one, beside who pauses it here, and resumes it") {
  REQUIRE(othersWant({"pause", "0", "60000"}));
  CHECK(answer->text == "paused=yes in-flight=0");
  CHECK(metrics().paused.value() == 1);
  client.sends("PING");
  client.receivesNothing();
  other.sends("PROXY PAUSE 0 1000");
  clock.advance(20ms);
  other.receives(kOk);
  clock.advance(2s);
  client.receivesNothing();
  REQUIRE(othersWant({"resume"}));
  CHECK(answer->text == "was-paused=yes");
  client.receives("+PONG\r\n");
  REQUIRE(othersWant({"resume"}));
  CHECK(answer->text == "was-paused=no");
}

TEST_CASE_METHOD(Several, "PROXY RESUME ALL ends pauses here and there") {
  othersSay({saidBy("a", PeerAnswer::State::Done, "was-paused=no")});
  client.sends("PROXY PAUSE 0");
  clock.advance(20ms);
  client.receives(kOk);
  CHECK(contains(says(client, "PROXY RESUME ALL"), "who=self answered=yes was-paused=yes place"));
  CHECK(asked.at(0).words == std::vector<std::string>{"resume"});
  CHECK(metrics().paused.value() == 0);
}

TEST_CASE_METHOD(Several, "PROXY CONFIG SET changes this proxy, and nodes hear nothing of it") {
  client.sends("PROXY CONFIG SET timeout 300 maxclients 77");
  client.receives(kOk);
  client.sends("PROXY CONFIG GET max-clients");
  client.receives("*2\r\n" + bulk("max-clients") + bulk("77"));
  CHECK(control.kept == session::SettingPairs{{"client-idle-timeout", "300s"}, {"max-clients", "77"}});
  for (std::size_t i = 1; i <= kNodes; ++i) node(i).expectsNothing();
}

TEST_CASE_METHOD(Several, "the level of the log is one of these settings") {
  log::setLevel(log::Level::Info);
  client.sends("PROXY CONFIG SET loglevel warning");
  client.receives(kOk);
  CHECK(log::level() == log::Level::Warn);
  CHECK(control.kept.empty());
}

TEST_CASE_METHOD(Several, "PROXY CONFIG SET ALL has the others do it as well") {
  othersSay({saidBy("a", PeerAnswer::State::Refused, "ERR no")});
  const std::string text = says(client, "PROXY CONFIG SET maxclients 77 ALL");
  CHECK(contains(text, "who=self answered=yes changed=1 place"));
  CHECK(contains(text, "answered=refused error=\"ERR no\""));
  CHECK(asked.at(0).words == std::vector<std::string>{"config", "SET", "maxclients", "77"});
  REQUIRE(othersWant({"config", "set", "timeout", "0", "maxclients", "78"}));
  CHECK(answer->text == "changed=2");
  CHECK(control.kept.back() == std::pair<std::string, std::string>{"max-clients", "78"});
}

TEST_CASE_METHOD(Several, "what is not the proxy's own, or no value, is refused before anybody is asked") {
  othersSay({});
  const auto failed = [](const std::string& name, const std::string& why) {
    return "-ERR CONFIG SET failed (possibly related to argument '" + name + "') - " + why + "\r\n";
  };
  const std::string ofNodes = "it is the nodes', and CONFIG SET at one proxy is for all";
  client.sends({"PROXY CONFIG SET maxmemory 1 ALL", "PROXY CONFIG SET requirepass x ALL",
                "PROXY CONFIG SET port 1 ALL", "PROXY CONFIG SET loglevel loud",
                "PROXY CONFIG SET timeout 1 TIMEOUT 2"});
  client.receives(
      failed("maxmemory", ofNodes) +
      failed("requirepass",
             "passwords are not passed on: use client-password-file, or CONFIG SET at "
             "each proxy") +
      failed("port", "Slotless would lose the nodes") +
      failed("loglevel", "argument must be one of the following: debug, verbose, notice, warning, nothing") +
      failed("TIMEOUT", "duplicate parameter"));
  const std::string syntax = "-ERR syntax error: PROXY CONFIG SET name value [name value ...] [ALL]\r\n";
  client.sends({"PROXY CONFIG SET", "PROXY CONFIG SET ALL", "PROXY CONFIG SET timeout",
                "PROXY CONFIG SET maxclients many"});
  const std::string text = client.takes();
  CHECK(text.starts_with(syntax + syntax + syntax + "-ERR CONFIG SET failed"));
  CHECK(asked.empty());
  CHECK(control.kept.empty());
}

}  // namespace slotless::test
