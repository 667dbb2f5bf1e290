#include "proxy/commands/slow_log_commands.h"

#include <algorithm>
#include <optional>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/commands/late_reply.h"
#include "proxy/commands/wrong_arguments.h"
#include "proxy/observe/slow_log.h"
#include "proxy/session/services.h"

namespace slotless::session {

using protocol::appendArrayHeader;
using protocol::appendBulk;
using protocol::appendError;
using protocol::appendInteger;

namespace {

using Entries = std::vector<SlowEntry>;

// Typed: COMMANDLOG's, where the kind of log is an argument.
enum class Shape { Redis, Typed, Console };

struct KindName {
  std::string_view name;
  LogKind kind;
};
constexpr KindName kKindNames[] = {
    {"slow", LogKind::Slow}, {"large-request", LogKind::LargeRequest}, {"large-reply", LogKind::LargeReply}};

// nullopt: `call.out` has the error.
std::optional<LogKind> kindNamed(LocalCall& call, std::string_view name) {
  const auto* found = std::find_if(std::begin(kKindNames), std::end(kKindNames), [&](const KindName& each) {
    return protocol::equalsIgnoringCase(name, each.name);
  });
  if (found != std::end(kKindNames)) return found->kind;
  appendError(call.out, "ERR type should be one of the following: slow, large-request, large-reply");
  return std::nullopt;
}

void appendEntry(std::string& out, const SlowEntry& entry, Shape shape) {
  appendArrayHeader(out, shape == Shape::Console ? 8 : 6);
  appendInteger(out, static_cast<std::int64_t>(entry.id));
  appendInteger(out, entry.unixTime);
  appendInteger(out, entry.amount);
  appendArrayHeader(out, entry.arguments.size());
  for (const std::string& argument : entry.arguments) appendBulk(out, argument);
  appendBulk(out, entry.client);
  appendBulk(out, entry.clientName);
  if (shape != Shape::Console) return;
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

void get(LocalCall& call, Shape shape, LogKind kind) {
  if (call.argv.size() > 3 && kind == LogKind::Slow && shape != Shape::Typed) {
    return appendError(call.out, wrongArguments(call.argv, shape == Shape::Redis ? "SLOWLOG" : "PROXY"));
  }
  const auto wanted = wantedCount(call);
  if (!wanted) return;
  const std::size_t count = std::min(*wanted, call.services.slowLog.maxLength(kind));
  replyFromWorkers<Entries>(
      call,
      [count, kind](Services& services, std::size_t) {
        const auto& all = services.slowLog.entries(kind);
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

void length(LocalCall& call, LogKind kind) {
  const std::size_t most = call.services.slowLog.maxLength(kind);
  replyFromWorkers<std::size_t>(
      call, [kind](Services& services, std::size_t) { return services.slowLog.entries(kind).size(); },
      [most](const std::vector<std::size_t>& parts, Client&, std::string& out) {
        std::size_t sum = 0;
        for (const std::size_t part : parts) sum += part;
        appendInteger(out, static_cast<std::int64_t>(std::min(sum, most)));
      });
}

void reset(LocalCall& call, LogKind kind) {
  if (call.inTransaction) {
    // What this client does next is to stay.
    const Services* own = &call.services;
    call.services.slowLog.clear(kind);
    call.services.control.tellWorkers([own, kind](Services& services, std::size_t) {
      if (&services != own) services.slowLog.clear(kind);
    });
    return protocol::appendSimple(call.out, "OK");
  }
  replyFromWorkers<bool>(
      call,
      [kind](Services& services, std::size_t) {
        services.slowLog.clear(kind);
        return true;
      },
      [](const std::vector<bool>&, Client&, std::string& out) { protocol::appendSimple(out, "OK"); });
}

enum class Setting { Limit, MaxLength };
struct Followed {
  std::string_view name;
  LogKind kind;
  Setting setting;
};
// Of the same kind and setting: two names for one thing.
constexpr Followed kFollowed[] = {
    {"slowlog-log-slower-than", LogKind::Slow, Setting::Limit},
    {"commandlog-execution-slower-than", LogKind::Slow, Setting::Limit},
    {"commandlog-request-larger-than", LogKind::LargeRequest, Setting::Limit},
    {"commandlog-reply-larger-than", LogKind::LargeReply, Setting::Limit},
    {"slowlog-max-len", LogKind::Slow, Setting::MaxLength},
    {"commandlog-slow-execution-max-len", LogKind::Slow, Setting::MaxLength},
    {"commandlog-large-request-max-len", LogKind::LargeRequest, Setting::MaxLength},
    {"commandlog-large-reply-max-len", LogKind::LargeReply, Setting::MaxLength},
};

void change(SlowLog& log, const Followed& what, std::int64_t value) {
  if (what.setting == Setting::Limit) return log.setLimit(what.kind, value);
  log.setMaxLength(what.kind, static_cast<std::size_t>(value));
}

}  // namespace

void slowLogGet(LocalCall& call) {
  get(call, Shape::Redis, LogKind::Slow);
}

void consoleSlowLog(LocalCall& call) {
  get(call, Shape::Console, LogKind::Slow);
}

void slowLogLen(LocalCall& call) {
  length(call, LogKind::Slow);
}

void slowLogReset(LocalCall& call) {
  reset(call, LogKind::Slow);
}

// COMMANDLOG GET count type.
void commandLogGet(LocalCall& call) {
  if (!wantedCount(call)) return;
  if (const auto kind = kindNamed(call, call.argv[3])) get(call, Shape::Typed, *kind);
}

void commandLogLen(LocalCall& call) {
  if (const auto kind = kindNamed(call, call.argv[2])) length(call, *kind);
}

void commandLogReset(LocalCall& call) {
  if (const auto kind = kindNamed(call, call.argv[2])) reset(call, *kind);
}

void addSlowLogSettings(const SlowLog& log, routing::OwnSettings& own) {
  for (const Followed& each : kFollowed) {
    own.emplace(each.name, each.setting == Setting::Limit ? std::to_string(log.limit(each.kind))
                                                          : std::to_string(log.maxLength(each.kind)));
  }
}

void followSlowLogSettings(Services& services, const SettingPairs& settings) {
  for (const auto& [name, text] : settings) {
    for (const Followed& each : kFollowed) {
      const auto value = protocol::strictInteger(text);
      const std::int64_t least = each.setting == Setting::Limit ? -1 : 0;
      if (!protocol::equalsIgnoringCase(name, each.name) || !value || *value < least) continue;
      change(services.slowLog, each, *value);  // here before this command is over
      services.control.tellWorkers(
          [what = each, value](Services& there, std::size_t) { change(there.slowLog, what, *value); });
    }
  }
}

}  // namespace slotless::session
