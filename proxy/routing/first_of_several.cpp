#include "proxy/routing/first_of_several.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "protocol/slot.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::routing {

using protocol::KeySpec;

namespace {

class FirstComposer final : public Composer {
 public:
  // `countAt`: where the number of keys stands, right in front of them.
  FirstComposer(protocol::Argv argv, std::size_t countAt, std::size_t keys, std::unique_ptr<Composer> names)
      : head_(argv.begin(), argv.begin() + static_cast<std::ptrdiff_t>(countAt)),
        keys_(argv.begin() + static_cast<std::ptrdiff_t>(countAt + 1),
              argv.begin() + static_cast<std::ptrdiff_t>(countAt + 1 + keys)),
        tail_(argv.begin() + static_cast<std::ptrdiff_t>(countAt + 1 + keys), argv.end()),
        names_(std::move(names)) {}

  void ask(Plan& plan) {
    const std::size_t begin = next_;
    const protocol::Slot slot = protocol::slotOf(keys_[begin]);
    while (next_ < keys_.size() && protocol::slotOf(keys_[next_]) == slot) ++next_;
    // Without an end the command is wrong, but not for having too few words: the server gets as many.
    const std::size_t missing = tail_.empty() ? keys_.size() - (next_ - begin) : 0;
    const std::string count = std::to_string(next_ - begin + missing);
    std::vector<std::string_view> words(head_.begin(), head_.end());
    words.push_back(count);
    words.insert(words.end(), keys_.begin() + static_cast<std::ptrdiff_t>(begin),
                 keys_.begin() + static_cast<std::ptrdiff_t>(next_));
    words.insert(words.end(), missing, keys_[begin]);
    words.insert(words.end(), tail_.begin(), tail_.end());
    askOwner(plan, keys_[begin], words, true);
  }

  bool goOn(std::span<const PartReply> parts, Plan& plan) override {
    if (isLastStage() || !isNullReply(parts.front().bytes)) return false;
    ask(plan);
    return true;
  }
  bool isLastStage() const override { return next_ == keys_.size(); }

  bool compose(std::span<const PartReply> parts, std::string& out) override {
    if (names_ != nullptr) return names_->compose(parts, out);
    out += parts.front().bytes;
    return !isErrorReply(parts.front().bytes);
  }

 private:
  const std::vector<std::string> head_;
  const std::vector<std::string> keys_;
  const std::vector<std::string> tail_;
  const std::unique_ptr<Composer> names_;
  std::size_t next_ = 0;
};

}  // namespace

bool planFirstOfSeveral(const protocol::CommandSpec& spec, protocol::Argv argv,
                        std::unique_ptr<Composer>& names, Plan& plan) {
  if (spec.replyNames != protocol::ReplyNames::First || spec.role != protocol::SessionRole::None)
    return false;
  if (spec.keySpecs.size() != 1 || spec.keySpecs.front().find != KeySpec::Find::KeyNum) return false;
  std::vector<std::uint32_t> positions;
  if (protocol::keyPositions(spec, argv, positions) != protocol::KeyResult::Ok || positions.empty())
    return false;
  auto composer =
      std::make_unique<FirstComposer>(argv, positions.front() - 1, positions.size(), std::move(names));
  composer->ask(plan);
  plan.composer = std::move(composer);
  return true;
}

}  // namespace slotless::routing
