#include "proxy/translation/one_at_a_time.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "proxy/dispatch/pausing.h"

namespace slotless::session {

using routing::PartReply;
using routing::Plan;

namespace {

struct Claimed {
  std::mutex mutex;
  std::set<std::string, std::less<>> keys;
};

Claimed& claimedInProcess() {
  static Claimed claimed;
  return claimed;
}

class KeyClaim {
 public:
  explicit KeyClaim(std::vector<std::string> keys) : keys_(std::move(keys)) {}
  ~KeyClaim() {
    if (!taken_) return;
    Claimed& claimed = claimedInProcess();
    const std::lock_guard guard(claimed.mutex);
    for (const std::string& key : keys_) claimed.keys.erase(key);
  }
  KeyClaim(const KeyClaim&) = delete;
  KeyClaim& operator=(const KeyClaim&) = delete;

  // All or none, so that no two wait for each other.
  bool take() {
    Claimed& claimed = claimedInProcess();
    const std::lock_guard guard(claimed.mutex);
    if (std::any_of(keys_.begin(), keys_.end(), [&](const auto& key) { return claimed.keys.contains(key); }))
      return false;
    claimed.keys.insert(keys_.begin(), keys_.end());
    return taken_ = true;
  }

 private:
  const std::vector<std::string> keys_;
  bool taken_ = false;
};

class OneAtATime final : public Pausing {
 public:
  OneAtATime(const Context& context, std::vector<std::string> keys, std::function<void(Plan&)> begin)
      : Pausing(context.host),
        context_(context),
        claim_(std::move(keys)),
        begin_(std::move(begin)),
        goes_(claim_.take()) {}

  void beginAnew(Plan& plan) {
    begin_(plan);
    inner_ = std::move(plan.composer);
  }

  // A first stage that was asked for without the claim is asked for again.
  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (goes_) return inner_->goOn(parts, plan);
    plan.clear();
    return pauseWithin(context_.config.holdTimeout);
  }
  bool compose(std::span<const PartReply> parts, std::string& out) override {
    return inner_->compose(parts, out);
  }
  bool isLastStage() const override { return goes_ && inner_->isLastStage(); }

 private:
  bool resume(Plan& plan) override {
    goes_ = claim_.take() || !pauseWithin(context_.config.holdTimeout);
    if (goes_) beginAnew(plan);
    return goes_;
  }

  const Context& context_;
  KeyClaim claim_;
  const std::function<void(Plan&)> begin_;
  bool goes_;
  std::unique_ptr<routing::Composer> inner_;
};

}  // namespace

void planOneAtATime(const Context& context, std::vector<std::string> keys, std::function<void(Plan&)> begin,
                    Plan& plan) {
  auto composer = std::make_unique<OneAtATime>(context, std::move(keys), std::move(begin));
  composer->beginAnew(plan);
  plan.composer = std::move(composer);
}

}  // namespace slotless::session
