// PROXY HOTKEYS and BIGKEYS: keys that stand out, as the workers have seen them pass.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <optional>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/commands/late_reply.h"
#include "proxy/console/console_commands.h"
#include "proxy/observe/slow_log.h"
#include "proxy/observe/text_lines.h"
#include "proxy/session/client.h"

namespace slotless::session {

namespace {

constexpr std::int64_t kMostKeys = 128;

struct RankName {
  std::string_view name;
  HotBy by;
};
constexpr RankName kRankNames[] = {{"requests", HotBy::Requests},
                                   {"reads", HotBy::Reads},
                                   {"writes", HotBy::Writes},
                                   {"bytes", HotBy::Bytes}};

std::optional<HotBy> rankNamed(std::string_view word) {
  const auto* const found =
      std::find_if(std::begin(kRankNames), std::end(kRankNames),
                   [&](const RankName& each) { return protocol::equalsIgnoringCase(word, each.name); });
  return found == std::end(kRankNames) ? std::nullopt : std::optional(found->by);
}

std::optional<std::size_t> countIn(std::string_view word) {
  const auto count = protocol::strictInteger(word);
  if (!count || *count < 1 || *count > kMostKeys) return std::nullopt;
  return static_cast<std::size_t>(*count);
}

std::string rate(double aSecond) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f", aSecond);
  return text.data();
}

void answer(Client& client, const TextLines& lines, std::string& out) {
  protocol::appendVerbatimText(out, client.protocol, lines.text());
}

constexpr std::string_view kOff = "ERR keys are not counted: hot-keys is no";

}  // namespace

void consoleHotKeys(LocalCall& call) {
  std::size_t most = 20;
  HotBy by = HotBy::Requests;
  for (const std::string_view word : call.argv.subspan(2)) {
    const auto rank = rankNamed(word);
    const auto count = countIn(word);
    if (!rank && !count) {
      return protocol::appendError(
          call.out, "ERR syntax error: PROXY HOTKEYS [REQUESTS|READS|WRITES|BYTES] [count from 1 to 128]");
    }
    if (rank) by = *rank;
    if (count) most = *count;
  }
  if (!call.services.config.hotKeys) return protocol::appendError(call.out, kOff);
  replyFromWorkers<std::vector<HotKey>>(
      call, [](Services& services, std::size_t) { return services.slowLog.keys().hot(services.host.now); },
      [by, most](const std::vector<std::vector<HotKey>>& parts, Client& client, std::string& out) {
        TextLines lines;
        for (const HotKey& key : mergeHot(parts, by, most)) {
          lines.pair("key", shownKey(key.key)).pair("database", key.database).pair("node", key.node);
          lines.pair("requests", rate(key.requests())).pair("reads", rate(key.reads));
          lines.pair("writes", rate(key.writes)).pair("bytes", rate(key.bytes));
          lines.pair("doubt", rate(key.doubt)).end();
        }
        answer(client, lines, out);
      });
}

void consoleBigKeys(LocalCall& call) {
  std::size_t most = 20;
  if (call.argv.size() > 2) {
    const auto count = countIn(call.argv[2]);
    if (!count || call.argv.size() > 3)
      return protocol::appendError(call.out, "ERR syntax error: PROXY BIGKEYS [count from 1 to 128]");
    most = *count;
  }
  if (!call.services.config.hotKeys) return protocol::appendError(call.out, kOff);
  replyFromWorkers<std::vector<BigKey>>(
      call, [](Services& services, std::size_t) { return services.slowLog.keys().big(); },
      [most](const std::vector<std::vector<BigKey>>& parts, Client& client, std::string& out) {
        using namespace std::chrono;
        const auto now = duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
        TextLines lines;
        for (const BigKey& key : mergeBig(parts, most)) {
          lines.pair("key", shownKey(key.key)).pair("database", key.database).pair("node", key.node);
          lines.pair("bytes", key.bytes)
              .pair("of", key.reply ? "reply" : "request")
              .pair("command", key.command);
          lines.pair("age", std::max<std::int64_t>(0, now - key.unixTime)).end();
        }
        answer(client, lines, out);
      });
}

}  // namespace slotless::session
