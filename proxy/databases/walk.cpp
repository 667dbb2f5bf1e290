#include "proxy/databases/walk.h"

#include "protocol/encoder.h"
#include "proxy/databases/scripts.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::databases {

using protocol::WholeDatabase;
using routing::PartReply;
using routing::Plan;

namespace {

// Places of a node's hash table: some milliseconds.
constexpr std::string_view kPlacesPerStep = "10000";
// A cluster that changes more often is being rebuilt.
constexpr int kMostRounds = 5;

class Walk final : public routing::Composer {
 public:
  Walk(WholeDatabase what, const Database& database, std::function<Masters()> masters, std::string_view eval)
      : deletes_(what == WholeDatabase::Flush),
        database_(database),
        masters_(std::move(masters)),
        eval_(eval) {}

  void begin(Plan& plan) {
    const Masters masters = masters_();
    version_ = masters.version;
    paths_.clear();
    for (const protocol::Slot slot : masters.slots) paths_.push_back({slot});
    // A cluster that is not known yet: the request waits for it.
    if (paths_.empty()) paths_.push_back({protocol::kNoSlot});
    ask(plan);
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!take(*asked_[i], parts[i].bytes)) return false;
    }
    if (anyOpen()) {
      ask(plan);
      return true;
    }
    if (masters_().version == version_ || ++rounds_ == kMostRounds) return false;
    begin(plan);
    return true;
  }

  bool isLastStage() const override { return false; }

  bool compose(std::span<const PartReply>, std::string& out) override {
    if (!error_.empty()) {
      out += error_;
      return false;
    }
    std::uint64_t total = 0;
    std::uint64_t left = 0;
    for (const Path& path : paths_) {
      total += path.count;
      left += path.failed;
    }
    if (deletes_ && left > 0) {
      protocol::appendError(
          out, "ERR " + std::to_string(left) + " keys are on their way to another node and were left");
      return false;
    }
    if (deletes_) {
      protocol::appendSimple(out, "OK");
    } else {
      protocol::appendInteger(out, static_cast<std::int64_t>(total));
    }
    return true;
  }

 private:
  struct Path {
    protocol::Slot slot;
    std::string cursor = "0";
    std::string node = {};
    std::uint64_t count = 0;
    std::uint64_t failed = 0;
    bool done = false;
  };

  bool anyOpen() const {
    for (const Path& path : paths_) {
      if (!path.done) return true;
    }
    return false;
  }

  void ask(Plan& plan) {
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = true;
    plan.writes = deletes_;
    asked_.clear();
    for (Path& path : paths_) {
      if (path.done) continue;
      asked_.push_back(&path);
      std::vector<std::string_view> words = {eval_, scripts::kWalk, "0"};
      if (database_.pinned()) words = {words[0], words[1], "1", database_.routingKey};
      words.insert(words.end(),
                   {database_.prefix, path.cursor, path.node, deletes_ ? "unlink" : "count", kPlacesPerStep});
      routing::addPart(plan, path.slot, words);
    }
  }

  // False: an error.
  bool take(Path& path, std::string_view reply) {
    const auto elements = routing::isListReply(reply) ? routing::elementsOf(reply) : std::nullopt;
    if (!elements || elements->size() != 5) {
      error_ = reply;
      return false;
    }
    const auto text = [&](std::size_t i) {
      return std::string(routing::textOf((*elements)[i]).value_or(""));
    };
    const auto number = [&](std::size_t i) {
      return static_cast<std::uint64_t>(routing::integerOf((*elements)[i]).value_or(0));
    };
    if (text(0) == "0") path.count = path.failed = 0;  // from the beginning: the slot is on another node now
    path.cursor = text(1);
    path.node = text(2);
    path.count += number(3);
    path.failed += number(4);
    path.done = path.cursor == "0";
    return true;
  }

  bool deletes_;
  const Database& database_;
  std::function<Masters()> masters_;
  const std::string_view eval_;
  std::vector<Path> paths_;
  std::vector<Path*> asked_;
  std::uint64_t version_ = 0;
  int rounds_ = 0;
  std::string error_;
};

}  // namespace

void planWalk(WholeDatabase what, const Database& database, std::function<Masters()> masters,
              std::string_view eval, Plan& plan) {
  auto walk = std::make_unique<Walk>(what, database, std::move(masters), eval);
  walk->begin(plan);
  plan.composer = std::move(walk);
}

}  // namespace slotless::databases
