#include "proxy/commands/acl_log_command.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <string>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/commands/wrong_arguments.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/client.h"
#include "proxy/session/services.h"

namespace slotless::session {

using routing::Plan;

namespace {

constexpr std::int64_t kUsualEntries = 10;

// As RESP, and how long ago.
struct Shown {
  double ageSeconds = 0;
  std::string bytes;
};

std::string secondsText(double seconds) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), seconds);
  return {text, end.ptr};
}

Shown shownOf(const AclEntry& entry, std::int64_t now, int protocol, bool dated) {
  Shown shown;
  shown.ageSeconds = static_cast<double>(std::max<std::int64_t>(now - entry.updated, 0)) / 1000;
  std::string& out = shown.bytes;
  const auto text = [&](std::string_view key, std::string_view value) {
    protocol::appendBulk(out, key);
    protocol::appendBulk(out, value);
  };
  const auto number = [&](std::string_view key, std::int64_t value) {
    protocol::appendBulk(out, key);
    protocol::appendInteger(out, value);
  };
  protocol::appendMapHeader(out, protocol, dated ? 10 : 7);
  number("count", static_cast<std::int64_t>(entry.count));
  text("reason", entry.reason);
  text("context", entry.context);
  text("object", entry.object);
  text("username", entry.username);
  protocol::appendBulk(out, "age-seconds");
  if (protocol >= 3) {
    out += "," + secondsText(shown.ageSeconds) + "\r\n";
  } else {
    protocol::appendBulk(out, secondsText(shown.ageSeconds));
  }
  text("client-info", entry.client);
  if (!dated) return shown;
  number("entry-id", static_cast<std::int64_t>(entry.id));
  number("timestamp-created", entry.created);
  number("timestamp-last-updated", entry.updated);
  return shown;
}

double ageIn(std::string_view entry) {
  const auto pairs = routing::pairsOf(entry);
  if (!pairs) return 0;
  const auto found = std::find_if(pairs->begin(), pairs->end(), [](const auto& pair) {
    return routing::textOf(pair.first) == "age-seconds";
  });
  return found == pairs->end() ? 0 : routing::doubleOf(found->second).value_or(0);
}

class EntriesComposer final : public routing::Composer {
 public:
  EntriesComposer(Services& services, int protocol, std::size_t count)
      : services_(services), protocol_(protocol), count_(count) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    if (routing::appendFirstError(parts, out)) return false;
    std::vector<Shown> all;
    const std::int64_t now = AclLog::now();
    for (const AclEntry& entry : services_.control.aclLog().entries())
      all.push_back(shownOf(entry, now, protocol_, services_.manners.datesAclLog));
    for (const routing::PartReply& part : parts) {
      const auto entries = routing::elementsOf(part.bytes);
      if (!entries) return routing::appendUnmergeable(out);
      for (const std::string_view entry : *entries) all.push_back({ageIn(entry), std::string(entry)});
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Shown& a, const Shown& b) { return a.ageSeconds < b.ageSeconds; });
    if (all.size() > count_) all.resize(count_);
    protocol::appendArrayHeader(out, all.size());
    for (const Shown& each : all) out += each.bytes;
    return true;
  }
  bool canForgo() const override { return true; }

 private:
  Services& services_;
  const int protocol_;
  const std::size_t count_;
};

class AclLogReset final : public routing::Composer {
 public:
  explicit AclLogReset(AclLog& log) : log_(log) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    log_.clear();
    if (routing::appendFirstError(parts, out)) return false;
    protocol::appendSimple(out, "OK");
    return true;
  }
  bool canForgo() const override { return true; }

 private:
  AclLog& log_;
};

}  // namespace

void aclLog(LocalCall& call) {
  AclLog& log = call.services.control.aclLog();
  if (call.argv.size() > 3) return protocol::appendError(call.out, wrongArguments(call.argv, "ACL"));
  if (call.argv.size() == 3 && protocol::equalsIgnoringCase(call.argv[2], "reset")) {
    log.clear();
    return protocol::appendSimple(call.out, "OK");
  }
  const auto count = call.argv.size() == 3 ? protocol::strictInteger(call.argv[2])
                                           : std::optional<std::int64_t>(kUsualEntries);
  if (!count) return protocol::appendError(call.out, "ERR value is not an integer or out of range");
  std::vector<AclEntry> entries = log.entries();
  entries.resize(std::min(entries.size(), static_cast<std::size_t>(std::max<std::int64_t>(*count, 0))));
  protocol::appendArrayHeader(call.out, entries.size());
  const std::int64_t now = AclLog::now();
  for (const AclEntry& entry : entries)
    call.out += shownOf(entry, now, call.client.protocol, call.services.manners.datesAclLog).bytes;
}

bool planAclLog(Services& services, protocol::Argv argv, Plan& plan) {
  const bool resets = argv.size() == 3 && protocol::equalsIgnoringCase(argv[2], "reset");
  const auto count =
      argv.size() == 3 ? protocol::strictInteger(argv[2]) : std::optional<std::int64_t>(kUsualEntries);
  if (argv.size() > 3 || (!resets && !count)) return false;  // a node words the error
  plan.clear();
  plan.kind = Plan::Kind::EachNode;
  if (resets) {
    plan.composer = std::make_unique<AclLogReset>(services.control.aclLog());
  } else {
    const auto most = static_cast<std::size_t>(std::max<std::int64_t>(*count, 0));
    plan.composer = std::make_unique<EntriesComposer>(services, plan.protocol, most);
  }
  return true;
}

}  // namespace slotless::session
