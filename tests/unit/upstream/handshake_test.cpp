// What is said first on a connection, and what is made of the answers.
#include "proxy/upstream/handshake.h"

#include <string>
#include <string_view>
#include <vector>

#include "catch.h"
#include "protocol/encoder.h"

namespace slotless::upstream {
namespace {

using Progress = Handshake::Progress;

std::string request(const std::vector<std::string_view>& argv) {
  std::string out;
  protocol::appendRequest(out, argv);
  return out;
}

TEST_CASE("a handshake authenticates, pings and gives its name, in one piece", "[handshake]") {
  const std::string rest =
      request({"PING"}) + request({"CLIENT", "SETNAME", "slotless"}) + request({"CLIENT", "NO-EVICT", "on"});
  CHECK(Handshake(Access{{}, {}, "slotless"}).bytes() == rest);
  CHECK(Handshake(Access{"", "pw", "slotless"}).bytes() == request({"AUTH", "pw"}) + rest);
  CHECK(Handshake(Access{"app", "p w\r\n", "slotless"}).bytes() ==
        request({"AUTH", "app", "p w\r\n"}) + rest);
  CHECK(Handshake(Access{{}, {}, ""}).bytes() == request({"PING"}) + request({"CLIENT", "NO-EVICT", "on"}));
}

TEST_CASE("a handshake is done when every step has been answered, however the bytes come", "[handshake]") {
  const std::string answers = "+OK\r\n+PONG\r\n+OK\r\n+OK\r\n";
  CHECK(Handshake(Access{"", "pw", "name"}).take(answers) == Progress::Done);
  for (std::size_t at = 1; at < answers.size(); ++at) {
    Handshake split({"", "pw", "name"});
    INFO(at);
    CHECK(split.take(answers.substr(0, at)) == Progress::More);
    CHECK(split.take(answers.substr(at)) == Progress::Done);
  }
  Handshake bytewise({"", "pw", "name"});
  for (std::size_t i = 0; i + 1 < answers.size(); ++i)
    REQUIRE(bytewise.take(answers.substr(i, 1)) == Progress::More);
  CHECK(bytewise.take("\n") == Progress::Done);
}

TEST_CASE("what a node may refuse, and what it may not", "[handshake]") {
  struct Row {
    std::string_view answers;
    Progress progress;
    std::string_view error;
  };
  for (const Row& row : std::vector<Row>{
           {"+OK\r\n+PONG\r\n-ERR unknown command 'CLIENT'\r\n-NOPERM no\r\n", Progress::Done, ""},
           {"+OK\r\n+PONG\r\n+OK\r\n-ERR Unknown subcommand\r\n", Progress::Done, ""},
           {"+OK\r\n-LOADING Redis is loading the dataset in memory\r\n+OK\r\n+OK\r\n", Progress::Done, ""},
           {"+OK\r\n-MASTERDOWN Link with MASTER is down\r\n+OK\r\n+OK\r\n", Progress::Done, ""},
           {"+OK\r\n-BUSY Redis is busy running a script\r\n-BUSY x\r\n-BUSY x\r\n", Progress::Done, ""},
           {"+OK\r\n-MISCONF Redis is configured to save\r\n+OK\r\n+OK\r\n", Progress::Done, ""},
           // Authenticated, but the ACL has no +ping.
           {"+OK\r\n-NOPERM User app has no permissions to run the 'ping' command\r\n+OK\r\n+OK\r\n",
            Progress::Done, ""},
           {"-WRONGPASS invalid username-password pair or user is disabled.\r\n", Progress::Failed,
            "AUTH refused: WRONGPASS invalid username-password pair or user is disabled."},
           {"+OK\r\n-NOAUTH Authentication required.\r\n", Progress::Failed,
            "PING refused: NOAUTH Authentication required."},
           {"+OK\r\n-ERR max number of clients reached\r\n", Progress::Failed,
            "PING refused: ERR max number of clients reached"}}) {
    INFO(row.answers);
    Handshake handshake({"", "secret", "name"});
    CHECK(handshake.take(row.answers) == row.progress);
    CHECK(handshake.error() == row.error);
  }
}

TEST_CASE("what a node denies of the handshake is noted, and what works again is forgotten", "[handshake]") {
  const net::Address node{"10.0.0.1", 7001};
  telemetry::Denials denials;
  Access access{"", "pw", "name"};
  access.denials = &denials;
  Handshake denied(access, 2, AskId::IfAllowed, true);
  CHECK(denied.take("+OK\r\n+PONG\r\n-NOPERM no\r\n-ERR unknown subcommand 'NO-EVICT'. Try CLIENT HELP.\r\n"
                    "-NOPERM no\r\n-NOPERM no\r\n") == Progress::Done);
  CHECK(denied.greeting().readOnlyDenied);
  CHECK(denied.greeting().clientId == 0);
  denied.noteDenials(node, {});
  std::vector<telemetry::Deniable> found;
  for (const auto& row : denials.rows()) found.push_back(row.what);
  using enum telemetry::Deniable;
  CHECK(found == std::vector{ClientSetName, ClientNoEvict, ClientId, ReadOnly});
  Handshake allowed(access, 2, AskId::IfAllowed, true);
  CHECK(allowed.take("+OK\r\n+PONG\r\n+OK\r\n+OK\r\n+OK\r\n:7\r\n") == Progress::Done);
  CHECK_FALSE(allowed.greeting().readOnlyDenied);
  allowed.noteDenials(node, {});
  CHECK(denials.rows().empty());
}

TEST_CASE("READONLY and HELLO that fail for another reason end the handshake, and so does a denied HELLO",
          "[handshake]") {
  Handshake standalone({"", "pw", "name"}, 2, AskId::No, true);
  CHECK(
      standalone.take("+OK\r\n+PONG\r\n+OK\r\n+OK\r\n-ERR This instance has cluster support disabled\r\n") ==
      Progress::Failed);
  telemetry::Denials denials;
  Access access;
  access.denials = &denials;
  Handshake old(access, 3);
  CHECK(old.take("-ERR unknown command 'HELLO', with args beginning with: '3' \r\n") == Progress::Failed);
  old.noteDenials({"10.0.0.1", 7001}, {});
  CHECK(denials.any(telemetry::Deniable::Hello));
}

TEST_CASE("no error repeats the password, not even if the node does", "[handshake]") {
  for (const std::string_view refusal :
       {"-ERR unknown command 'AUTH', with args beginning with: 'app' 'secret' \r\n",
        "-ERR unknown command `AUTH`, with args beginning with: `app`, `secr\r\n",
        "-ERR what is secret\r\n"}) {
    INFO(refusal);
    Handshake handshake({"app", "secret", "name"});
    REQUIRE(handshake.take(refusal) == Progress::Failed);
    CHECK(handshake.error().starts_with("AUTH refused: ERR"));
    CHECK(handshake.error().find("secr") == std::string::npos);
  }
}

TEST_CASE("garbage, and more answers than questions, fail the handshake", "[handshake]") {
  for (const std::string_view answers :
       {"HTTP/1.1 400 Bad Request\r\n\r\n", "+OK\r\n+PONG\r\n+OK\r\n+OK\r\n+OK\r\n",
        "+OK\r\n*9999999999999999999\r\n", "+OK\r\n+PONG\r\n+OK\r\n+OK\r\nnoise\r\n"}) {
    INFO(answers);
    Handshake handshake({"", "pw", "name"});
    CHECK(handshake.take(answers) == Progress::Failed);
    CHECK(handshake.error() == "the answer to the handshake is not RESP");
  }
}

TEST_CASE("a handshake that is answered without end fails", "[handshake]") {
  Handshake handshake({{}, {}, "slotless"});
  const std::string piece(std::size_t{16} * 1024, 'x');
  Progress progress = handshake.take("$1000000000\r\n");
  int pieces = 0;
  for (; progress == Progress::More && pieces < 100; ++pieces) progress = handshake.take(piece);
  CHECK(progress == Progress::Failed);
  CHECK(pieces < 10);
  CHECK(handshake.error() == "the answer to the handshake is too long");
}

TEST_CASE("arguments are written as they are, empty and binary ones too", "[handshake]") {
  using namespace std::string_view_literals;
  CHECK(formatCommand({"SET", "", "a\0b\r\n"sv}) == "*3\r\n$3\r\nSET\r\n$0\r\n\r\n$5\r\na\0b\r\n\r\n"sv);
}

Access changed() {
  Access access{"", "new", ""};
  access.previous = Credentials{"", "old"};
  access.generation = 7;
  return access;
}

constexpr std::string_view kWrongPass = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
constexpr std::string_view kNoAuth = "-NOAUTH Authentication required.\r\n";

TEST_CASE("a refused handshake is said again with the password before, once", "[handshake]") {
  for (const std::string_view refusal : {kWrongPass, std::string_view("-ERR invalid password\r\n")}) {
    const Access access = changed();
    Handshake handshake(access);
    CHECK(handshake.bytes().starts_with(request({"AUTH", "new"})));
    const std::string round = std::string(refusal) + std::string(kNoAuth) + std::string(kNoAuth);
    for (std::size_t i = 0; i + 1 < round.size(); ++i)
      REQUIRE(handshake.take(std::string_view(round).substr(i, 1)) == Progress::More);
    REQUIRE(handshake.take("\n") == Progress::Again);
    CHECK(handshake.bytes() ==
          request({"AUTH", "old"}) + request({"PING"}) + request({"CLIENT", "NO-EVICT", "on"}));
    CHECK(handshake.take("+OK\r\n+PONG\r\n+OK\r\n") == Progress::Done);
    CHECK(handshake.greeting().byPrevious);
    CHECK(handshake.greeting().generation == 7);
    CHECK(access.verdicts->refused);
    CHECK_FALSE(access.verdicts->accepted);
    CHECK(Handshake(access).bytes().starts_with(request({"AUTH", "old"})));
  }
}

TEST_CASE("a handshake that is refused with both passwords says which it was not", "[handshake]") {
  const Access access = changed();
  Handshake handshake(access);
  CHECK(handshake.take(std::string(kWrongPass) + std::string(kNoAuth) + "+OK\r\n") == Progress::Again);
  CHECK(handshake.take(kWrongPass) == Progress::Failed);
  CHECK(handshake.unauthorised());
  CHECK(handshake.error() == "AUTH refused: WRONGPASS invalid username-password pair or user is disabled.");
  CHECK_FALSE(access.triesPreviousFirst());
}

TEST_CASE("a node that takes the new password again is not told the one before first", "[handshake]") {
  const Access access = changed();
  access.verdicts->previousFirst = true;
  Handshake handshake(access);
  CHECK(handshake.bytes().starts_with(request({"AUTH", "old"})));
  CHECK(handshake.take(std::string(kWrongPass) + std::string(kNoAuth) + "+OK\r\n") == Progress::Again);
  CHECK(handshake.bytes().starts_with(request({"AUTH", "new"})));
  CHECK(handshake.take("+OK\r\n+PONG\r\n+OK\r\n") == Progress::Done);
  CHECK_FALSE(handshake.greeting().byPrevious);
  CHECK(access.verdicts->accepted);
  CHECK_FALSE(access.triesPreviousFirst());
  CHECK_FALSE(access.verdicts->refused);
}

TEST_CASE("a node that closes the connection after a refusal is told the other password next",
          "[handshake]") {
  const Access access = changed();
  Handshake handshake(access);
  CHECK(handshake.take(kWrongPass) == Progress::More);
  CHECK(Handshake(access).bytes().starts_with(request({"AUTH", "old"})));
}

TEST_CASE("other errors of AUTH are no reason to try another password", "[handshake]") {
  Handshake handshake(changed());
  CHECK(handshake.take("-ERR unknown command 'AUTH', with args beginning with: 'new'\r\n") ==
        Progress::Failed);
  CHECK_FALSE(handshake.unauthorised());
  CHECK(handshake.error().find("new") == std::string::npos);
}

TEST_CASE("the best protocol is RESP3 where the node knows it", "[handshake]") {
  const Access access{"", "", ""};
  Handshake three(access, kBestProtocol);
  CHECK(three.bytes().starts_with(request({"HELLO", "3"})));
  CHECK(three.take("%1\r\n+proto\r\n:3\r\n+PONG\r\n+OK\r\n") == Progress::Done);
  CHECK(three.greeting().protocol == 3);
  Handshake two(access, kBestProtocol);
  CHECK(two.take("-ERR unknown command 'HELLO'\r\n+PONG\r\n+OK\r\n") == Progress::Done);
  CHECK(two.greeting().protocol == 2);
  Handshake plain(access, 2);
  CHECK(plain.take("+PONG\r\n+OK\r\n") == Progress::Done);
  CHECK(plain.greeting().protocol == 2);
}

}  // namespace
}  // namespace slotless::upstream
