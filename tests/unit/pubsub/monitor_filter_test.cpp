#include "proxy/pubsub/monitor_filter.h"

#include "catch.h"
#include "proxy/net/own_connections.h"

namespace slotless::pubsub {

TEST_CASE("what this process says is not shown, and what others say is", "[monitor]") {
  const net::OwnEnd own("10.8.8.8:1234");
  MonitorFilter filter;
  CHECK_FALSE(filter.shows("+1.000001 [0 10.8.8.8:1234] \"GET\" \"a\"\r\n"));
  CHECK(filter.shows("+1.000001 [0 10.8.8.8:123] \"GET\" \"a\"\r\n"));
  CHECK(filter.shows("+1.000001 [0 unix:/tmp/a b] \"GET\" \"10.8.8.8:1234]\"\r\n"));
  CHECK_FALSE(filter.shows("+1.000001 [0 10.0.0.1:1] \"PING\"\r\n"));
  CHECK(filter.shows("+1.000001 [0 10.0.0.1:1] \"PING\" \"a\"\r\n"));
  CHECK(filter.shows("+nothing that anybody knows\r\n"));
}

TEST_CASE("what proxies say to each other is not shown", "[monitor]") {
  MonitorFilter filter;
  CHECK_FALSE(filter.shows("+1.000001 [0 10.0.0.1:1] \"PUBLISH\" \"~{slotless-peers}\" \"x\"\r\n"));
  CHECK_FALSE(filter.shows("+1.000001 [0 10.0.0.1:1] \"PSUBSCRIBE\" \"~{slotless-peers}\"\r\n"));
  CHECK(filter.shows("+1.000001 [0 10.0.0.1:1] \"PUBLISH\" \"~{slotless-peers}2\" \"x\"\r\n"));
  CHECK(filter.shows("+1.000001 [0 10.0.0.1:1] \"PUBLISH\" \"news\" \"~{slotless-peers}\"\r\n"));
  CHECK(filter.shows("+1.000001 [0 10.0.0.1:1] \"PUNSUBSCRIBE\" \"~{slotless-peers}\"\r\n"));
}

TEST_CASE("what a script runs is shown unless the script is the proxy's", "[monitor]") {
  const net::OwnEnd own("10.8.8.8:1234");
  constexpr std::string_view kRun = "+1.000001 [0 lua] \"get\" \"a\"\r\n";
  MonitorFilter filter;
  CHECK(filter.shows(kRun));
  filter.shows("+1.000001 [0 10.8.8.8:1234] \"EVAL\" \"--[[slotless]] return 1\" \"0\"\r\n");
  CHECK_FALSE(filter.shows(kRun));
  CHECK_FALSE(filter.shows(kRun));
  filter.shows("+1.000001 [0 10.8.8.8:1234] \"EVAL\" \"return 1\" \"0\"\r\n");
  CHECK(filter.shows(kRun));
  CHECK_FALSE(filter.shows("+1.000001 [0 lua] \"cluster\" \"keyslot\" \"a\"\r\n"));
}

}  // namespace slotless::pubsub
