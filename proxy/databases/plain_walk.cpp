#include "proxy/databases/plain_walk.h"

#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/glob.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::databases {

using protocol::WholeDatabase;
using routing::PartReply;
using routing::Plan;

namespace {

// Places of a node's hash table for one page: well below a millisecond.
constexpr std::string_view kPlacesPerPage = "1000";
// A cluster that changes more often is being rebuilt.
constexpr int kMostRoundsOfWalk = 5;
// More than that is written in pieces.
constexpr std::size_t kManyNames = 4096;
constexpr std::string_view kNoReply = "ERR The node's answer to SCAN is not one";

class PlainWalk final : public routing::Composer {
 public:
  PlainWalk(PlainWalkOptions options, const Database& database, std::function<Masters()> masters)
      : options_(std::move(options)), database_(database), masters_(std::move(masters)) {}

  void begin(Plan& plan) {
    const Masters masters = masters_();
    version_ = masters.version;
    paths_.clear();
    names_.clear();
    count_ = 0;
    for (const protocol::Slot slot : masters.slots) paths_.push_back({slot});
    // A cluster that is not known yet: the request waits for it.
    if (paths_.empty()) paths_.push_back({protocol::kNoSlot});
    scan(plan);
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (std::exchange(deleting_, false)) {
      countDeleted(parts);
      return goFurther(plan);
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (!take(*asked_[i], parts[i].bytes)) return false;
    }
    if (!doomed_.empty()) {
      remove(plan);
      return true;
    }
    return goFurther(plan);
  }

  bool isLastStage() const override { return false; }

  bool compose(std::span<const PartReply>, std::string& out) override {
    if (!error_.empty()) {
      out += error_;
      return false;
    }
    switch (options_.what) {
      case WholeDatabase::Count: protocol::appendInteger(out, static_cast<std::int64_t>(count_)); break;
      case WholeDatabase::Flush: return composeFlushed(out);
      case WholeDatabase::Random: composeRandom(out); break;
      default:
        while (composePiece({}, out, kManyNames) == Piece::More) {
        }
    }
    return true;
  }

  bool composesInPieces(std::span<const PartReply>) const override {
    return error_.empty() && options_.what == WholeDatabase::List && names_.size() > kManyNames;
  }
  Piece composePiece(std::span<const PartReply>, std::string& out, std::size_t elements) override {
    if (!writing_) {
      protocol::appendArrayHeader(out, names_.size());
      writing_ = true;
      next_ = names_.begin();
    }
    for (; next_ != names_.end() && elements > 0; ++next_, --elements) protocol::appendBulk(out, *next_);
    return next_ == names_.end() ? Piece::Good : Piece::More;
  }

 private:
  struct Path {
    protocol::Slot slot;
    std::string cursor = "0";
    bool done = false;
  };

  // False: that was all.
  bool goFurther(Plan& plan) {
    if (options_.what == WholeDatabase::Random && !names_.empty()) return false;
    if (masters_().version != version_ && ++rounds_ < kMostRoundsOfWalk) {
      begin(plan);
      return true;
    }
    for (const Path& path : paths_) {
      if (path.done) continue;
      scan(plan);
      return true;
    }
    return false;
  }

  void scan(Plan& plan) {
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = true;
    asked_.clear();
    const std::string pattern = database_.physicalPattern(options_.pattern);
    for (Path& path : paths_) {
      if (path.done) continue;
      asked_.push_back(&path);
      routing::addPart(plan, path.slot, {"SCAN", path.cursor, "MATCH", pattern, "COUNT", kPlacesPerPage});
    }
  }

  // One command for each slot: the keys of one command must be in one.
  void remove(Plan& plan) {
    plan.clear();
    plan.kind = Plan::Kind::Prepared;
    plan.staged = true;
    plan.writes = true;
    deleting_ = true;
    for (const auto& [slot, keys] : std::exchange(doomed_, {})) {
      std::vector<std::string_view> words = {options_.deletes};
      words.insert(words.end(), keys.begin(), keys.end());
      routing::addPart(plan, slot, words);
    }
  }

  void countDeleted(std::span<const PartReply> parts) {
    for (const PartReply& part : parts) {
      if (routing::isErrorReply(part.bytes)) refusal_ = part.bytes;
    }
  }

  // False: an error.
  bool take(Path& path, std::string_view reply) {
    if (routing::isErrorReply(reply)) {
      error_ = reply;
      return false;
    }
    const auto elements = routing::elementsOf(reply);
    const auto cursor = elements && elements->size() == 2 ? routing::textOf(elements->front()) : std::nullopt;
    const auto keys = cursor ? routing::elementsOf(elements->back()) : std::nullopt;
    if (!keys) {
      protocol::appendError(error_, kNoReply);
      return false;
    }
    path.cursor = *cursor;
    path.done = *cursor == "0";
    for (const std::string_view key : *keys) {
      const auto name = routing::textOf(key);
      if (name && (options_.ownsAll || database_.owns(*name))) keep(*name);
    }
    return true;
  }

  void keep(std::string_view physical) {
    const std::string_view name = database_.logicalName(physical);
    switch (options_.what) {
      case WholeDatabase::Count: ++count_; return;
      case WholeDatabase::Flush: doomed_[protocol::slotOf(physical)].emplace_back(physical); return;
      default: break;
    }
    // A single star is no pattern: it includes the empty key.
    if (options_.pattern == "*" || protocol::matchesGlob(options_.pattern, name)) names_.emplace(name);
  }

  bool composeFlushed(std::string& out) const {
    if (refusal_.empty()) {
      protocol::appendSimple(out, "OK");
    } else {
      out += refusal_;
    }
    return refusal_.empty();
  }

  void composeRandom(std::string& out) const {
    if (names_.empty()) return protocol::appendNull(out, options_.protocol);
    auto chosen = names_.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(options_.random % names_.size()));
    protocol::appendBulk(out, *chosen);
  }

  const PlainWalkOptions options_;
  const Database& database_;
  std::function<Masters()> masters_;
  std::vector<Path> paths_;
  std::vector<Path*> asked_;
  std::uint64_t version_ = 0;
  std::uint64_t count_ = 0;
  int rounds_ = 0;
  bool deleting_ = false;
  std::map<protocol::Slot, std::vector<std::string>> doomed_;
  std::unordered_set<std::string> names_;  // SCAN may return a key twice
  std::unordered_set<std::string>::const_iterator next_;
  bool writing_ = false;
  std::string refusal_;  // of a deletion
  std::string error_;
};

}  // namespace

void planPlainWalk(const PlainWalkOptions& options, const Database& database,
                   std::function<Masters()> masters, Plan& plan) {
  auto walk = std::make_unique<PlainWalk>(options, database, std::move(masters));
  walk->begin(plan);
  plan.composer = std::move(walk);
}

}  // namespace slotless::databases
