#include "proxy/dispatch/slot_guard.h"

#include <utility>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/databases/reply_names.h"
#include "proxy/dispatch/reply_texts.h"
#include "proxy/routing/reply_parts.h"

namespace slotless::session {

namespace {

class GuardedReply final : public routing::Composer {
 public:
  GuardedReply(const databases::Database& database, std::unique_ptr<routing::Composer> inner)
      : database_(database), inner_(std::move(inner)) {}

  bool compose(std::span<const routing::PartReply> parts, std::string& out) override {
    const std::string_view exec = parts.front().bytes;
    const auto elements = routing::isListReply(exec) ? routing::elementsOf(exec) : std::nullopt;
    std::string reply;
    if (elements && !elements->empty()) {
      reply = elements->back();
    } else if (exec.starts_with(reply_texts::kAbortedBecause)) {  // the client has said nothing of EXEC
      reply = "-" + std::string(exec.substr(reply_texts::kAbortedBecause.size()));
    } else {
      reply = exec;
    }
    if (routing::isErrorReply(reply)) {
      out += databases::withoutPrefix(reply, database_);
      return false;
    }
    if (inner_ == nullptr) {
      out += reply;
      return true;
    }
    const routing::PartReply part{reply, {}};
    return inner_->compose(std::span(&part, 1), out);
  }

 private:
  const databases::Database& database_;
  const std::unique_ptr<routing::Composer> inner_;
};

}  // namespace

std::string slotGuardOf(const protocol::CommandSpec& spec, protocol::Argv argv) {
  std::vector<std::uint32_t> positions;
  protocol::keyPositions(spec, argv, positions);
  std::vector<std::string_view> words = {"EXISTS"};
  words.reserve(1 + positions.size());
  for (const std::uint32_t position : positions) words.push_back(argv[position]);
  std::string guard;
  protocol::appendRequest(guard, words);
  return guard;
}

net::ByteChain makeUnblocked(Request& request, const databases::Database& database, net::ByteChain& bytes,
                             net::BlockPool& pool) {
  net::ByteChain batch(pool);
  std::string word;
  protocol::appendRequest(word, {{"MULTI"}});
  batch.append(word);
  batch.splice(bytes);
  word.clear();
  protocol::appendRequest(word, {{"EXEC"}});
  batch.append(word);
  request.kind = RequestKind::Transaction;
  request.lease.reset();
  request.blockedUntil.reset();
  request.preludes = 2;  // MULTI's and the command's
  request.composer = guardedReply(database, std::move(request.composer));
  return batch;
}

net::ByteChain guardedBatch(const protocol::CommandSpec& spec, protocol::Argv argv, std::string_view bytes,
                            std::string_view tail, net::BlockPool& pool) {
  net::ByteChain batch(pool);
  std::string begin;
  protocol::appendRequest(begin, {{"MULTI"}});
  batch.append(begin);
  batch.append(slotGuardOf(spec, argv));
  batch.append(bytes);
  batch.append(tail);
  std::string end;
  protocol::appendRequest(end, {{"EXEC"}});
  batch.append(end);
  return batch;
}

std::unique_ptr<routing::Composer> guardedReply(const databases::Database& database,
                                                std::unique_ptr<routing::Composer> inner) {
  return std::make_unique<GuardedReply>(database, std::move(inner));
}

}  // namespace slotless::session
