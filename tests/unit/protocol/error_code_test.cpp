#include "protocol/error_code.h"

#include <string>
#include <string_view>

#include "catch.h"

using slotless::protocol::knownErrorCode;

TEST_CASE("the code of an error is told in any form of its line") {
  CHECK(knownErrorCode("-WRONGTYPE Operation against a key\r\n") == "WRONGTYPE");
  CHECK(knownErrorCode("ERR no such key") == "ERR");
  CHECK(knownErrorCode("-OOM\r\n") == "OOM");
  CHECK(knownErrorCode("-CLUSTERDOWN The slot has no reachable master\r\n") == "CLUSTERDOWN");
}

TEST_CASE("what a script says instead of a code is not repeated") {
  CHECK(knownErrorCode("-SECRET of mine\r\n").empty());
  CHECK(knownErrorCode("-err lower case\r\n").empty());
  CHECK(knownErrorCode("-ERRS\r\n").empty());
  CHECK(knownErrorCode("-\r\n").empty());
  CHECK(knownErrorCode("").empty());
}

TEST_CASE("the text of a code outlives the line") {
  std::string_view code;
  {
    const std::string line = "-NOGROUP No such key\r\n";
    code = knownErrorCode(line);
  }
  CHECK(code == "NOGROUP");
}
