#include "proxy/session/slow_log_commands.h"

#include <algorithm>
#include <optional>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/session/late_reply.h"
#include "proxy/session/services.h"
#include "proxy/session/slow_log.h"

namespace slotless::session {

using protocol::appendArrayHeader;
using protocol::appendBulk;
using protocol::appendError;
using protocol::appendInteger;

namespace {

using Entries = std::vector<SlowEntry>;

enum class Shape { Redis, Console };

void appendEntry(std::string& out, const SlowEntry& entry, Shape shape) {
  appendArrayHeader(out, shape == Shape::Redis ? 6 : 8);
  appendInteger(out, static_cast<std::int64_t>(entry.id));
  appendInteger(out, entry.unixTime);
  appendInteger(out, entry.duration.count());
  appendArrayHeader(out, entry.arguments.size());
  for (const std::string& argument : entry.arguments) appendBulk(out, argument);
  appendBulk(out, entry.client);
  appendBulk(out, entry.clientName);
  if (shape == Shape::Redis) return;
  appendBulk(out, entry.node);
  appendInteger(out, entry.upstream.count());
}

// nullopt: `call.out` has the error.
std::optional<std::size_t> wantedCount(LocalCall& call) {
  constexpr std::size_t kDefaultCount = 10;
  if (call.argv.size() == 2) return kDefaultCount;
  const auto count = protocol::strictInteger(call.argv[2]);
  if (!count || *count < -1) {
    appendError(call.out, "ERR count should be greater than or equal to -1");
    return std::nullopt;
  }
  return *count < 0 ? SIZE_MAX : static_cast<std::size_t>(*count);
}

void get(LocalCall& call, Shape shape) {
  if (call.argv.size() > 3) {
    return appendError(call.out, "ERR unknown subcommand or wrong number of arguments for '" +
                                     std::string(call.argv[1]) + "'. Try " +
                                     (shape == Shape::Redis ? "SLOWLOG" : "PROXY") + " HELP.");
  }
  const auto wanted = wantedCount(call);
  if (!wanted) return;
  const std::size_t count = std::min(*wanted, call.services.slowLog.maxLength());
  replyFromWorkers<Entries>(
      call,
      [count](Services& services, std::size_t) {
        const auto& all = services.slowLog.entries();
        const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size()));
        return Entries(all.begin(), end);
      },
      [count, shape](std::vector<Entries> parts, Client&, std::string& out) {
        Entries merged;
        for (Entries& part : parts) std::move(part.begin(), part.end(), std::back_inserter(merged));
        std::sort(merged.begin(), merged.end(), [](const auto& a, const auto& b) { return a.id > b.id; });
        if (merged.size() > count) merged.resize(count);
        appendArrayHeader(out, merged.size());
        for (const SlowEntry& entry : merged) appendEntry(out, entry, shape);
      });
}

struct Followed {
  std::string_view name;
  std::int64_t min;
  void (*set)(SlowLog& log, std::int64_t value);
};
constexpr Followed kFollowed[] = {
    {"slowlog-log-slower-than", -1, [](SlowLog& log, std::int64_t value) { log.setSlowerThanMicros(value); }},
    {"slowlog-max-len", 0,
     [](SlowLog& log, std::int64_t value) { log.setMaxLength(static_cast<std::size_t>(value)); }},
};

}  // namespace

void slowLogGet(LocalCall& call) {
  get(call, Shape::Redis);
}

void consoleSlowLog(LocalCall& call) {
  get(call, Shape::Console);
}

void slowLogLen(LocalCall& call) {
  const std::size_t most = call.services.slowLog.maxLength();
  replyFromWorkers<std::size_t>(
      call, [](Services& services, std::size_t) { return services.slowLog.entries().size(); },
      [most](const std::vector<std::size_t>& parts, Client&, std::string& out) {
        std::size_t sum = 0;
        for (const std::size_t part : parts) sum += part;
        appendInteger(out, static_cast<std::int64_t>(std::min(sum, most)));
      });
}

void slowLogReset(LocalCall& call) {
  if (call.inTransaction) {
    // What this client does next is to stay.
    const Services* own = &call.services;
    call.services.slowLog.clear();
    call.services.control.tellWorkers([own](Services& services, std::size_t) {
      if (&services != own) services.slowLog.clear();
    });
    return protocol::appendSimple(call.out, "OK");
  }
  replyFromWorkers<bool>(
      call,
      [](Services& services, std::size_t) {
        services.slowLog.clear();
        return true;
      },
      [](const std::vector<bool>&, Client&, std::string& out) { protocol::appendSimple(out, "OK"); });
}

void followSlowLogSettings(Services& services, const SettingPairs& settings) {
  for (const auto& [name, text] : settings) {
    for (const Followed& setting : kFollowed) {
      const auto value = protocol::strictInteger(text);
      if (!protocol::equalsIgnoringCase(name, setting.name) || !value || *value < setting.min) continue;
      setting.set(services.slowLog, *value);  // here before this command is over
      services.control.tellWorkers(
          [set = setting.set, value](Services& there, std::size_t) { set(there.slowLog, *value); });
    }
  }
}

}  // namespace slotless::session
