#include "proxy/session/scan.h"

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/databases/reply_names.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/routing/scan_places.h"
#include "proxy/routing/scan_walk.h"

namespace slotless::session {

using protocol::Argv;
using routing::Plan;

namespace {

constexpr std::string_view kInvalidCursor = "ERR invalid cursor";
constexpr std::string_view kTooLong = "ERR The node's own SCAN cursor is too long to be passed on";
constexpr std::string_view kNoScanReply = "ERR The node's answer to SCAN is not one";

class ScanComposer final : public routing::Composer {
 public:
  ScanComposer(Services& services, const routing::ScanQuestion& asked, const databases::Database& database)
      : services_(services), asked_(asked), database_(database) {}

  // The parts: what the node says of itself (at the beginning of a range), its page, what it says of itself.
  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    const std::string_view reply = parts[parts.size() - 2].bytes;
    if (routing::isErrorReply(reply)) {
      out += reply;
      return false;
    }
    const auto elements = routing::elementsOf(reply);
    const auto cursor = elements && elements->size() == 2 ? routing::textOf(elements->front()) : std::nullopt;
    const auto keys = cursor ? routing::elementsOf(elements->back()) : std::nullopt;
    const auto nodeCursor = cursor ? routing::parseScanCursor(*cursor) : std::nullopt;
    if (!keys || !nodeCursor) return fail(kNoScanReply, out);
    routing::ScanPage page{asked_.cursor, asked_.slot, *nodeCursor, std::nullopt, viewIn(parts.back().bytes)};
    if (parts.size() > 2) page.before = viewIn(parts.front().bytes);
    const cluster::Topology& topology = services_.links.topology();
    const routing::ScanStep step = routing::nextScanStep(page, topology);
    if (step.stale) services_.control.refreshTopology(true);
    const auto next = step.next ? routing::scanNumber(*step.next, topology) : 0;
    if (!next) return fail(kTooLong, out);
    write(*next, step, *keys, out);
    return true;
  }

 private:
  static bool fail(std::string_view error, std::string& out) {
    protocol::appendError(out, error);
    return false;
  }

  // A user may be forbidden to ask for it: then the topology has to do.
  std::optional<routing::NodeView> viewIn(std::string_view reply) const {
    if (const auto text = routing::textOf(reply)) return routing::parseNodeView(*text);
    const cluster::Topology& topology = services_.links.topology();
    const auto node =
        routing::scanQuestion(asked_.cursor, topology).node.value_or(topology.owners[asked_.slot]);
    if (node == cluster::kNoNode) return std::nullopt;
    return routing::viewOf(topology, node);
  }

  void write(std::uint64_t next, const routing::ScanStep& step, const std::vector<std::string_view>& keys,
             std::string& out) const {
    std::vector<std::string_view> kept;
    for (const std::string_view key : keys) {
      const std::string_view name = routing::textOf(key).value_or("");
      if (step.slots.test(protocol::slotOf(name)) && isOwn(name))
        kept.push_back(name.substr(database_.prefix.size()));
    }
    protocol::appendArrayHeader(out, 2);
    protocol::appendBulk(out, std::to_string(next));
    protocol::appendArrayHeader(out, kept.size());
    for (const std::string_view name : kept) protocol::appendBulk(out, name);
  }

  bool isOwn(std::string_view name) const {
    return !services_.databases.anyMapped() || databases::owns(database_, name);
  }

  Services& services_;
  routing::ScanQuestion asked_;
  const databases::Database& database_;
};

void addPart(Plan& plan, protocol::Slot slot, Argv request) {
  if (plan.parts.size() == plan.partCount) plan.parts.emplace_back();
  routing::Part& part = plan.parts[plan.partCount++];
  part.slot = slot;
  part.keys.clear();
  part.request.clear();
  protocol::appendRequest(part.request, request);
}

// How many places of its table a node looks at for one page is only a wish: more at once would keep others
// waiting, there and here.
constexpr std::int64_t kMostAtOnce = 10'000;
constexpr std::string_view kMostAtOnceText = "10000";

void limitCount(std::vector<std::string_view>& request) {
  for (std::size_t i = 2; i + 1 < request.size(); i += 2) {
    if (!protocol::equalsIgnoringCase(request[i], "count")) continue;
    const auto count = protocol::strictInteger(request[i + 1]);
    if (count && *count > kMostAtOnce) request[i + 1] = kMostAtOnceText;
  }
}

// The client's MATCH, or one of our own; the last one counts.
void addPattern(const databases::Database& database, std::string& pattern,
                std::vector<std::string_view>& request) {
  for (std::size_t i = 2; i + 1 < request.size(); i += 2) {
    if (protocol::equalsIgnoringCase(request[i], "match"))
      pattern = database.prefix + std::string(request[i + 1]);
  }
  if (request.size() % 2 != 0) return;  // a syntax error, which a node words
  request.push_back("MATCH");
  request.push_back(pattern);
}

}  // namespace

bool planScan(Services& services, Argv argv, const databases::Database& database, Plan& plan) {
  plan.clear();
  const auto number = routing::parseScanCursor(argv[1]);
  if (!number) {
    plan.error = kInvalidCursor;
    return true;
  }
  const cluster::Topology& topology = services.links.topology();
  const routing::ScanQuestion asked = routing::scanQuestion(
      *number == 0 ? routing::scanBeginning(topology) : routing::decodeScanCursor(*number), topology);
  if (asked.node) plan.node = topology.nodes[*asked.node].address;
  std::vector<std::string_view> request(argv.begin(), argv.end());
  const std::string nodeCursor = std::to_string(asked.cursor.nodeCursor);
  request[1] = nodeCursor;
  limitCount(request);
  std::string pattern = database.prefix + "*";
  if (database.mapped()) addPattern(database, pattern, request);
  constexpr std::array<std::string_view, 2> kAskView = {"CLUSTER", "NODES"};
  plan.kind = Plan::Kind::Prepared;
  if (asked.cursor.nodeCursor == 0) addPart(plan, asked.slot, Argv(kAskView));
  addPart(plan, asked.slot, Argv(request));
  addPart(plan, asked.slot, Argv(kAskView));
  plan.composer = std::make_unique<ScanComposer>(services, asked, database);
  return true;
}

}  // namespace slotless::session
