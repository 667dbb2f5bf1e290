#include "proxy/session/transaction.h"

#include <algorithm>
#include <utility>

#include "protocol/encoder.h"
#include "protocol/reply_scanner.h"
#include "proxy/routing/alone_composer.h"

namespace slotless::session {

namespace {

// What an allocation of its own costs beside its contents.
constexpr std::size_t kAllocationBytes = 16;

// As a string that stands for itself.
std::size_t costOf(std::string_view text) {
  return sizeof(std::string) + (text.size() > sizeof(std::string) / 2 ? text.size() + kAllocationBytes : 0);
}
constexpr std::size_t kUnitsPerCommand = 5;
constexpr std::size_t kUnitsToForget = 1;

std::string requestOf(std::string_view word) {
  std::string request;
  protocol::appendRequest(request, protocol::Argv(&word, 1));
  return request;
}

// Not an error, nor nil because of a watched key.
bool isArray(std::string_view reply) {
  return reply.size() > 1 && reply[0] == '*' && reply[1] != '-' &&
         reply.find("\r\n") != std::string_view::npos;
}

// Takes one whole element off the front of `rest`.
std::string_view takeElement(std::string_view& rest) {
  protocol::ReplyScanner scanner;
  const std::string_view element = rest.substr(0, scanner.scan(rest).consumed);
  rest.remove_prefix(element.size());
  return element;
}

}  // namespace

Transaction::Transaction(net::BlockPool& pool, std::string_view multi)
    : batch_(pool), multi_(requestOf(multi)) {
  batch_.append(multi_);
}

void Transaction::turnTo(protocol::Slot slotOfNext) {
  const auto found = std::find_if(groups_.begin(), groups_.end(),
                                  [slotOfNext](const Group& group) { return group.slot == slotOfNext; });
  group_ = static_cast<std::size_t>(found - groups_.begin());
  if (found != groups_.end()) return;
  // Commands that were queued before any slot was known belong to the first group.
  groups_.push_back({slotOfNext, group_ == 0 ? std::string() : multi_, 0});
  groupBytes_ += sizeof(Group);
  if (group_ == 0) groups_.front().commands = forwarded_;
}

std::vector<Transaction::Group> Transaction::takeGroups(std::string_view exec) {
  groups_.front().batch = batch_.toString();
  batch_.clear();
  for (Group& group : groups_) group.batch += requestOf(exec);
  return std::exchange(groups_, {});
}

std::string Transaction::join(const std::vector<Group>& groups,
                              const std::vector<std::string>& replies) const {
  std::vector<std::string_view> rests(replies.begin(), replies.end());
  std::vector<bool> carriedOut(groups.size());
  bool any = false;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    carriedOut[i] = i < rests.size() && isArray(rests[i]);
    if (carriedOut[i]) rests[i].remove_prefix(rests[i].find("\r\n") + 2);
    any = any || carriedOut[i];
  }
  if (!any) return replies.empty() ? std::string() : replies.front();
  std::string joined;
  protocol::appendArrayHeader(joined, forwarded_);
  for (const Queued& queued : queued_) {
    if (!queued.isForwarded()) continue;
    joined += carriedOut[queued.group] ? takeElement(rests[queued.group]) : rests[queued.group];
  }
  return joined;
}

void Transaction::queueForwarded(const protocol::CommandSpec& spec, std::string_view request,
                                 std::string_view tail, std::unique_ptr<routing::Composer> composer) {
  if (group_ == 0) {
    batch_.append(request);
    batch_.append(tail);
  } else {
    groups_[group_].batch.append(request).append(tail);
    groupBytes_ += request.size() + tail.size();
  }
  if (!groups_.empty()) ++groups_[group_].commands;
  corrected_ = corrected_ || composer != nullptr;
  if (composer != nullptr) localBytes_ += sizeof(routing::AloneComposer) + kAllocationBytes;
  queued_.push_back({&spec, {}, {}, std::move(composer), {}, {}, static_cast<std::uint32_t>(group_)});
  ++forwarded_;
  readOnly_ = readOnly_ && spec.retryAfterLoss;
}

void Transaction::queueGuard(const protocol::CommandSpec& spec, std::string_view request) {
  queueForwarded(spec, request);
  queued_.back().hidden = true;
  ++hidden_;
  corrected_ = true;
}

void Transaction::queuePublish(const protocol::CommandSpec& spec, std::string_view request,
                               std::string_view channel) {
  queueForwarded(spec, request);
  queued_.back().channel = channel;
  if (!groups_.empty()) queued_.back().slot = groups_[group_].slot;
  localBytes_ += costOf(channel);
  corrected_ = true;
}

void Transaction::queueLocal(const protocol::CommandSpec& spec, protocol::Argv argv) {
  Queued local{&spec, {}, {}, {}, {}};
  local.argv.reserve(argv.size());
  localBytes_ += kAllocationBytes;
  for (const std::string_view argument : argv) {
    local.argv.emplace_back(argument);
    localBytes_ += costOf(argument);
  }
  queued_.push_back(std::move(local));
}

void Transaction::queueLater(Later command) {
  localBytes_ += sizeof(Later) + 2 * kAllocationBytes + costOf(command.bytes);
  for (const std::string& argument : command.argv) localBytes_ += costOf(argument);
  hasLater_ = true;
  if (command.changes) change_ = command.spec;
  queued_.push_back({command.spec, {}, {}, {}, {}});
  queued_.back().later = std::make_unique<const Later>(std::move(command));
}

void Transaction::queueAlone(Alone command) {
  localBytes_ += costOf(command.bytes);
  for (const std::string& argument : command.argv) localBytes_ += costOf(argument);
  queued_.push_back({command.spec, {}, {}, {}, {}});
  alone_ = std::move(command);
}

void Transaction::queueError(const protocol::CommandSpec& spec, std::string_view line) {
  queued_.push_back({&spec, {}, {}, {}, {}});
  protocol::appendError(queued_.back().error, line);
  localBytes_ += costOf(line);
}

void Transaction::fail(std::string_view why) {
  if (!failed()) failure_ = why;
}

void Transaction::noteMonitored(std::string command, bool script) {
  if (monitored == nullptr) monitored = std::make_shared<std::vector<std::string>>();
  localBytes_ += costOf(command);
  monitored->push_back(std::move(command));
  runsMonitoredScript = runsMonitoredScript || script;
}

net::ByteChain Transaction::takeBatch(std::string_view exec) {
  batch_.append(requestOf(exec));
  return std::move(batch_);
}

void Transaction::assemble(std::string_view execReply, const RunLocal& runLocal, const Correct& correct,
                           std::string& out) const {
  Position position;
  WorkBudget budget = WorkBudget::unlimited();
  assemble(position, execReply, runLocal, correct, out, budget);
}

bool Transaction::assemble(Position& position, std::string_view execReply, const RunLocal& runLocal,
                           const Correct& correct, std::string& out, WorkBudget& budget) const {
  if (position.command == 0) {
    if (!execReply.empty()) {
      if (!isArray(execReply)) {
        out += execReply;
        return true;
      }
      position.replyBytes = execReply.find("\r\n") + 2;
    }
    protocol::appendArrayHeader(out, queued_.size() - hidden_);
  }
  std::string_view rest = execReply.substr(position.replyBytes);
  for (; position.command < queued_.size() && budget.left(); ++position.command) {
    if (queued_[position.command].later != nullptr) break;
    budget.spend(kUnitsPerCommand);
    appendReply(queued_[position.command], rest, runLocal, correct, out);
  }
  position.replyBytes = execReply.size() - rest.size();
  return position.command == queued_.size();
}

void Transaction::appendReply(const Queued& queued, std::string_view& rest, const RunLocal& runLocal,
                              const Correct& correct, std::string& out) const {
  if (!queued.error.empty()) {
    out += queued.error;
  } else if (!queued.argv.empty()) {
    const std::vector<std::string_view> argv(queued.argv.begin(), queued.argv.end());
    runLocal(*queued.spec, argv, out);
  } else if (const std::string_view element = takeElement(rest); queued.hidden) {
    // nobody has asked for it
  } else if (queued.channel) {
    correct(*queued.channel, queued.slot, element, out);
  } else if (queued.composer != nullptr) {
    const routing::PartReply part{element, {}};
    queued.composer->compose(std::span(&part, 1), out);
  } else {
    out += element;
  }
}

bool Transaction::discard(WorkBudget& budget) {
  for (; !queued_.empty() && budget.left(); queued_.pop_back()) {
    budget.spend(kUnitsToForget);
    localBytes_ -= localBytes_ / queued_.size();
  }
  return queued_.empty();
}

}  // namespace slotless::session
