#include "proxy/emulation/scan.h"

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/dispatch/surroundings.h"
#include "proxy/routing/one_server.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/routing/scan_notes.h"
#include "proxy/routing/scan_places.h"
#include "proxy/routing/scan_walk.h"

namespace slotless::session {

using protocol::Argv;
using routing::Plan;
using routing::ScanCursor;

namespace {

constexpr std::string_view kInvalidCursor = "ERR invalid cursor";
constexpr std::string_view kNoScanReply = "ERR The node's answer to SCAN is not one";

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
    if (protocol::equalsIgnoringCase(request[i], "match")) pattern = database.physicalPattern(request[i + 1]);
  }
  if (request.size() % 2 != 0) return;  // a syntax error, which a node words
  request.push_back("MATCH");
  request.push_back(pattern);
}

// Asks for one page, or for the note that has the cursor of it, and leaves a note if need be.
class ScanComposer final : public routing::Composer {
 public:
  ScanComposer(PlanContext& context, Argv argv, const databases::Database& database)
      : context_(context), said_(argv.begin(), argv.end()), database_(database) {}

  void begin(std::uint64_t number, Plan& plan) {
    const ScanCursor cursor = routing::decodeScanCursor(number);
    // Also with one server's, from before a cut-over.
    if (number < routing::kLeastScanCursor) return ask(beginning(), plan);
    if (cursor.stage != ScanCursor::Stage::Note) return ask(cursor, plan);
    notes_.look(cursor.place, plan);
  }

  bool goOn(std::span<const routing::PartReply> parts, Plan& plan) override {
    const std::string_view reply = parts[step_ == Step::Page ? parts.size() - 2 : 0].bytes;
    if (routing::isErrorReply(reply)) {
      error_ = reply;
      return false;
    }
    switch (step_) {
      case Step::Look: ask(routing::ScanNotes::found(reply).value_or(beginning()), plan); return true;
      case Step::Page: return takePage(parts, reply, plan);
      case Step::Leave:
        number_ = notes_.number();
        if (notes_.left(reply)) return false;
        leave(plan);
        return true;
    }
    return false;
  }
  bool isLastStage() const override { return step_ != Step::Look; }

  bool compose(std::span<const routing::PartReply>, std::string& out) override {
    if (!error_.empty()) {
      out += error_;
      return false;
    }
    protocol::appendArrayHeader(out, 2);
    protocol::appendBulk(out, std::to_string(number_));
    out += keys_;
    return true;
  }

 private:
  enum class Step : std::uint8_t { Look, Page, Leave };

  ScanCursor beginning() const { return routing::scanBeginning(context_.links.topology()); }
  void ask(const ScanCursor& cursor, Plan& plan);
  void leave(Plan& plan) { notes_.leave(*next_, context_.host.random(1U << 30U), plan); }

  // The parts: what the node says of itself (at the beginning of a range), its page, what it says of itself.
  bool takePage(std::span<const routing::PartReply> parts, std::string_view reply, Plan& plan) {
    const auto elements = routing::elementsOf(reply);
    const auto cursor = elements && elements->size() == 2 ? routing::textOf(elements->front()) : std::nullopt;
    const auto keys = cursor ? routing::elementsOf(elements->back()) : std::nullopt;
    const auto nodeCursor = cursor ? routing::parseScanCursor(*cursor) : std::nullopt;
    if (!keys || !nodeCursor) {
      protocol::appendError(error_, kNoScanReply);
      return false;
    }
    routing::ScanPage page{asked_.cursor, asked_.slot, *nodeCursor, std::nullopt, viewIn(parts.back().bytes)};
    if (parts.size() > 2) page.before = viewIn(parts.front().bytes);
    const cluster::Topology& topology = context_.links.topology();
    const routing::ScanStep step = routing::nextScanStep(page, topology);
    if (step.stale) context_.wishes.refreshTopology(true);
    keepKeys(step, *keys);
    next_ = step.next;
    if (!next_) return false;
    if (const auto number = routing::scanNumber(*next_, topology)) {
      number_ = *number;
      return false;
    }
    step_ = Step::Leave;
    leave(plan);
    return true;
  }

  // A user may be forbidden to ask for it: then the topology has to do.
  std::optional<routing::NodeView> viewIn(std::string_view reply) const {
    if (const auto text = routing::textOf(reply)) return routing::parseNodeView(*text);
    const cluster::Topology& topology = context_.links.topology();
    const auto node =
        routing::scanQuestion(asked_.cursor, topology).node.value_or(topology.owners[asked_.slot]);
    if (node == cluster::kNoNode) return std::nullopt;
    return routing::viewOf(topology, node);
  }

  void keepKeys(const routing::ScanStep& step, const std::vector<std::string_view>& keys) {
    std::vector<std::string_view> kept;
    for (const std::string_view key : keys) {
      const std::string_view name = routing::textOf(key).value_or("");
      if (step.slots.test(protocol::slotOf(name)) && isOwn(name)) kept.push_back(database_.logicalName(name));
    }
    protocol::appendArrayHeader(keys_, kept.size());
    for (const std::string_view name : kept) protocol::appendBulk(keys_, name);
  }

  bool isOwn(std::string_view name) const {
    return !context_.databases.anyMapped() || database_.native() || database_.owns(name);
  }

  PlanContext& context_;
  const std::vector<std::string> said_;
  const databases::Database& database_;
  routing::ScanNotes notes_;
  Step step_ = Step::Look;
  routing::ScanQuestion asked_;
  std::optional<ScanCursor> next_;
  std::uint64_t number_ = 0;
  std::string keys_;
  std::string error_;
};

void ScanComposer::ask(const ScanCursor& cursor, Plan& plan) {
  step_ = Step::Page;
  const cluster::Topology& topology = context_.links.topology();
  asked_ = routing::scanQuestion(cursor, topology);
  plan.clear();
  plan.kind = Plan::Kind::Prepared;
  plan.staged = true;
  if (asked_.node) plan.node = topology.nodes[*asked_.node].address;
  std::vector<std::string_view> request(said_.begin(), said_.end());
  const std::string nodeCursor = std::to_string(asked_.cursor.nodeCursor);
  request[1] = nodeCursor;
  limitCount(request);
  std::string pattern = database_.physicalPattern("*");
  if (database_.mapped()) addPattern(database_, pattern, request);
  const std::vector<std::string_view> askView = {"CLUSTER", "NODES"};
  if (asked_.cursor.nodeCursor == 0) routing::addPart(plan, asked_.slot, askView);
  routing::addPart(plan, asked_.slot, request);
  routing::addPart(plan, asked_.slot, askView);
}

}  // namespace

bool planScan(PlanContext& context, Argv argv, const databases::Database& database, Plan& plan) {
  plan.clear();
  const auto number = routing::parseScanCursor(argv[1]);
  if (!number || routing::refusesCursor(context.manners.server, argv[1])) {
    plan.error = kInvalidCursor;
    return true;
  }
  auto composer = std::make_unique<ScanComposer>(context, argv, database);
  composer->begin(*number, plan);
  plan.composer = std::move(composer);
  return true;
}

bool planScanAnew(Argv argv, Plan& plan) {
  const auto number = routing::parseScanCursor(argv[1]);
  if (!number || *number < routing::kLeastScanCursor || *number >= routing::kEndOfScanCursors) return false;
  std::vector<std::string_view> words(argv.begin(), argv.end());
  words[1] = "0";
  plan.clear();
  plan.kind = Plan::Kind::Prepared;
  plan.fromMasters = true;
  routing::addPart(plan, routing::kSlotOfAll, words);
  return true;
}

}  // namespace slotless::session
