#include "proxy/session/exec_walk.h"

#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "proxy/databases/reply_names.h"
#include "proxy/emulation/compositions.h"
#include "proxy/emulation/publishing.h"
#include "proxy/routing/merger.h"
#include "proxy/routing/prepared_request.h"
#include "proxy/routing/reply_parts.h"
#include "proxy/session/client.h"
#include "proxy/session/key_plan.h"
#include "proxy/session/local_answers.h"
#include "proxy/session/services.h"

namespace slotless::session {

using routing::Plan;

namespace {

// What was for EXEC alone: what follows is asked of nodes as outside of any transaction.
void endBatch(Request& request) {
  request.lease.reset();
  request.besideWatch = true;
  request.front = upstream::Front::None;
  request.scripts.clear();
  request.frontBytes = 0;
  request.wantsWholeSlot = false;
}

}  // namespace

void ExecWalk::begin(std::string execReply, protocol::Slot slot) {
  Request& request = *client_.pending().head();
  begun_ = true;
  heard_ = !client_.replySwitch().off();
  slot_ = slot;
  execReply_ = std::move(execReply);
  endBatch(request);
  if (!routing::isErrorReply(execReply_)) return;
  if (request.database != nullptr) execReply_ = databases::withoutPrefix(execReply_, *request.database);
  execReply_ = services_.wrappedScripts.asSaid(std::move(execReply_));
}

bool ExecWalk::goOn(std::span<const routing::PartReply> parts, Plan& plan) {
  if (asked_ != Asked::Nobody && !take(parts, plan)) return true;
  while (!assemble()) {
    const Transaction::Later* command = transaction_.laterAt(position_);
    if (command == nullptr) {  // there is much of it: in another turn
      plan.clear();
      plan.kind = Plan::Kind::Nobody;
      return true;
    }
    if (ask(*command, plan)) return true;
    ++position_.command;
  }
  return false;
}

bool ExecWalk::canForgo() const {
  return composer_ == nullptr || composer_->canForgo();
}

std::string ExecWalk::takeReply() {
  if (heard_ && client_.replySwitch().off()) client_.pending().head()->muted = true;
  return std::move(reply_);
}

bool ExecWalk::assemble() {
  const auto correct = [this](std::string_view channel, protocol::Slot slot, std::string_view published,
                              std::string& corrected) {
    appendPublished(services_, channel, slot == protocol::kNoSlot ? slot_ : slot, published, corrected);
  };
  WorkBudget budget(Workbench::kUnitsAtOnce);
  return transaction_.assemble(position_, execReply_, services_.localAnswers.runnerFor(client_), correct,
                               reply_, budget);
}

bool ExecWalk::take(std::span<const routing::PartReply> parts, Plan& plan) {
  if (asked_ == Asked::Workers) {
    reply_ += parts.front().bytes;
  } else {
    if (staged_ && composer_ != nullptr && composer_->goOn(parts, plan)) return false;
    std::string composed;
    if (composer_ != nullptr) {
      composer_->compose(parts, composed);
    } else {
      routing::mergeReplies(merge_, parts, composed);
    }
    reply_ += composed;
  }
  composer_.reset();
  asked_ = Asked::Nobody;
  ++position_.command;
  return true;
}

bool ExecWalk::ask(const Transaction::Later& command, Plan& plan) {
  const std::vector<std::string_view> argv(command.argv.begin(), command.argv.end());
  plan.clear();
  if (!services_.localAnswers.answers(*command.spec, argv)) return askNodes(command, argv, plan);
  if (!services_.localAnswers.runLate(client_, *command.spec, argv, reply_)) return false;
  asked_ = Asked::Workers;
  return true;
}

// As Client::route(), for what names no keys.
bool ExecWalk::askNodes(const Transaction::Later& command, protocol::Argv argv, Plan& plan) {
  const protocol::CommandSpec& spec = *command.spec;
  plan.protocol = client_.protocol;
  services_.asker = &client_;
  services_.denialsAtHand = &client_.upstream->denials();
  const bool composed = isComposed(spec) && (planComposition(services_, spec, argv, plan) ||
                                             services_.localAnswers.plan(spec, argv, plan));
  if (!composed) planByKeys(services_, spec, argv, plan);
  composer_ = std::move(plan.composer);
  switch (plan.kind) {
    case Plan::Kind::Refused: protocol::appendError(reply_, plan.error); return false;
    case Plan::Kind::Nobody: {
      std::string answer;
      composer_->compose({}, answer);
      composer_.reset();
      reply_ += answer;
      return false;
    }
    case Plan::Kind::AnyNode:
    case Plan::Kind::OneSlot: {  // one server has all
      const protocol::Slot slot = plan.slot;
      plan.kind = Plan::Kind::Prepared;
      routing::addPart(plan, slot).request = command.bytes;
      break;
    }
    case Plan::Kind::EachNode:
      if (plan.rewritten.empty()) plan.rewritten = command.bytes;
      plan.reachableOnly = plan.reachableOnly || spec.forgoesAbsent;
      break;
    default: break;
  }
  merge_ = plan.merge;
  staged_ = plan.staged;
  if (!staged_) plan.writes = command.changes;
  asked_ = Asked::Nodes;
  return true;
}

}  // namespace slotless::session
