#include "proxy/upstream/handshake.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <utility>

#include "protocol/denial.h"
#include "proxy/upstream/outside_cluster.h"
#include "proxy/upstream/own_reply_limits.h"

namespace slotless::upstream {

namespace {

// What PING may be answered with while a node loads its data or has lost its master, or by an ACL without
// +ping: the link itself is fine, requests are handled by their own replies.
constexpr std::array<std::string_view, 5> kHarmless = {"LOADING", "MASTERDOWN", "BUSY", "MISCONF", "NOPERM"};

bool isHarmless(std::string_view error) {
  return std::any_of(kHarmless.begin(), kHarmless.end(),
                     [&](std::string_view code) { return error.starts_with(code); });
}

// Why AUTH failed, in the node's words, but never with a password in it.
std::string authRefusal(const Access& access, std::string_view text) {
  // A server that does not know AUTH repeats the arguments, at times cut short.
  text = text.substr(0, text.find(", with args"));
  const bool holdsSecret =
      text.find(access.password) != std::string_view::npos ||
      (access.previous && text.find(access.previous->password) != std::string_view::npos);
  if (holdsSecret) text = text.substr(0, text.find(' '));
  return "AUTH refused: " + std::string(text);
}

// The node knows AUTH, and not these credentials. Redis 5 has no code for it.
bool refusesCredentials(std::string_view text) {
  return text.starts_with("WRONGPASS") || text.starts_with("ERR invalid password");
}

// The answer to ROLE begins with a word.
bool isReplica(std::string_view role) {
  return role.find("\r\n$5\r\nslave\r\n") != std::string_view::npos && role.starts_with('*');
}
constexpr const char* kSelectStep = "SELECT";

// Beyond what the replies to a handshake are together, HELLO's map included.
constexpr std::size_t kMaxHandshakeReply = std::size_t{64} * 1024;

const redisReplyObjectFunctions& plainFunctions() {
  static const redisReplyObjectFunctions* const kPlain = [] {
    const std::unique_ptr<redisReader, ReaderDeleter> reader(redisReaderCreate());
    if (reader == nullptr) throw std::bad_alloc();
    return reader->fn;  // static in hiredis
  }();
  return *kPlain;
}

// What the reply that is being received has cost; the reader's private data.
struct Budget {
  std::size_t bytes = 0;
  std::size_t objects = 0;
  bool exceeded() const noexcept { return bytes > kMaxOwnReplyBytes || objects > kMaxOwnReplyObjects; }
};

Budget& budgetOf(redisReader& reader) noexcept {
  return *static_cast<Budget*>(reader.privdata);
}

// Every object but the outermost is announced as an element of an array. The type of the number depends on
// the version.
template <typename Count>
void* createCountedArray(const redisReadTask* task, Count elements) {
  auto& budget = *static_cast<Budget*>(task->privdata);
  budget.objects += static_cast<std::size_t>(elements);
  return budget.exceeded() ? nullptr : plainFunctions().createArray(task, elements);
}

redisReplyObjectFunctions* countingFunctions() {
  static redisReplyObjectFunctions counting = [] {
    redisReplyObjectFunctions functions = plainFunctions();
    functions.createArray = createCountedArray;
    return functions;
  }();
  return &counting;
}

}  // namespace

void ReplyDeleter::operator()(redisReply* reply) const noexcept {
  freeReplyObject(reply);
}
void ReaderDeleter::operator()(redisReader* reader) const noexcept {
  delete static_cast<Budget*>(reader->privdata);
  redisReaderFree(reader);
}

OwnReplyReader::OwnReplyReader() : reader_(redisReaderCreateWithFunctions(countingFunctions())) {
  if (reader_ == nullptr) throw std::bad_alloc();
  reader_->privdata = new Budget;
}

void OwnReplyReader::feed(std::string_view bytes) {
  Budget& budget = budgetOf(*reader_);
  budget.bytes += bytes.size();
  if (!budget.exceeded()) redisReaderFeed(reader_.get(), bytes.data(), bytes.size());
}

// Above the limits of own_reply_limits.h a reply is garbage, too.
OwnReplyReader::Status OwnReplyReader::next(ReplyPtr& reply) {
  Budget& budget = budgetOf(*reader_);
  void* raw = nullptr;
  if (budget.exceeded() || redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) return Status::Garbage;
  reply.reset(static_cast<redisReply*>(raw));
  if (reply == nullptr) return Status::NeedMore;
  budget = {};  // some of the next reply may have come already: the limit is no exact one
  return Status::Reply;
}

std::string formatCommand(const std::vector<std::string_view>& argv) {
  std::vector<const char*> pointers;
  std::vector<std::size_t> lengths;
  for (const std::string_view argument : argv) {
    pointers.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  char* formatted = nullptr;
  const auto length =
      redisFormatCommandArgv(&formatted, static_cast<int>(argv.size()), pointers.data(), lengths.data());
  if (length < 0) throw std::bad_alloc();
  std::string bytes(formatted, static_cast<std::size_t>(length));
  redisFreeCommand(formatted);
  return bytes;
}

void Handshake::add(const std::vector<std::string_view>& argv, const char* name, Refusal refusal, What what) {
  bytes_ += formatCommand(argv);
  steps_.push_back({name, refusal, what});
}

std::string authCommand(const Credentials& credentials) {
  if (credentials.username.empty()) return formatCommand({"AUTH", credentials.password});
  return formatCommand({"AUTH", credentials.username, credentials.password});
}

Handshake::Handshake(const Access& access, int protocol, AskId askId, bool readOnly)
    : access_(access), protocol_(protocol), askId_(askId), readOnly_(readOnly) {
  greeting_.generation = access.generation;
  write(access.triesPreviousFirst());
}

void Handshake::write(bool byPrevious) {
  using enum Refusal;
  using telemetry::Deniable;
  bytes_.clear();
  steps_.clear();
  answered_ = 0;
  greeting_.byPrevious = byPrevious;
  const Credentials credentials = byPrevious ? *access_.previous : access_.credentials();
  if (!credentials.password.empty()) {
    bytes_ += authCommand(credentials);
    steps_.push_back({"AUTH", Fails, {}});
  }
  if (protocol_ != 2)
    add({"HELLO", "3"}, "HELLO", protocol_ == kBestProtocol ? DoesNoHarm : Fails, Deniable::Hello);
  // Always one step that a node which does want a password refuses.
  add({"PING"}, "PING", Fails);
  if (!access_.clientName.empty())
    add({"CLIENT", "SETNAME", access_.clientName}, "CLIENT SETNAME", DoesNoHarm, Deniable::ClientSetName);
  add({"CLIENT", "NO-EVICT", "on"}, "CLIENT NO-EVICT", DoesNoHarm, Deniable::ClientNoEvict);
  // A connection that stands in another database than its requests mean is of no use: while a script keeps
  // the node busy, or it loads its data, it refuses this and so gets no request.
  if (access_.database != 0) add({"SELECT", std::to_string(access_.database)}, kSelectStep, Fails);
  // A replica that is in no cluster serves reads without being told to.
  if (readOnly_ && !isOutsideCluster()) add({"READONLY"}, "READONLY", FailsUnlessDenied, Deniable::ReadOnly);
  // Only where requests go: whoever asks about the servers asks replicas as well.
  if (isOutsideCluster() && !readOnly_ && askId_ != AskId::No)
    add({"ROLE"}, "ROLE", DoesNoHarm, Deniable::Role);
  if (askId_ != AskId::No) add({"CLIENT", "ID"}, "CLIENT ID", DoesNoHarm, Deniable::ClientId);
}

Handshake::Progress Handshake::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto result = scanner_.scan(bytes);
    if (result.status == protocol::ReplyScanner::Status::Error || answered_ == steps_.size()) {
      error_ = "the answer to the handshake is not RESP";
      return Progress::Failed;
    }
    if (reply_.size() + result.consumed > kMaxHandshakeReply) {
      error_ = "the answer to the handshake is too long";
      return Progress::Failed;
    }
    reply_.append(bytes.substr(0, result.consumed));
    bytes.remove_prefix(result.consumed);
    if (result.status == protocol::ReplyScanner::Status::NeedMore) return Progress::More;
    if (!judge(steps_[answered_++], reply_)) return Progress::Failed;
    reply_.clear();
    scanner_.reset();
  }
  if (answered_ < steps_.size()) return Progress::More;
  if (!std::exchange(again_, false)) return Progress::Done;
  write(!greeting_.byPrevious);
  return Progress::Again;
}

bool Handshake::judge(Step& step, std::string_view reply) {
  if (again_) return true;
  const std::string_view name = step.name;
  const bool refused = reply.front() == '-';
  if (name == "CLIENT ID" && reply.front() == ':')
    std::from_chars(reply.data() + 1, reply.data() + reply.size(), greeting_.clientId);
  if (name == "HELLO") greeting_.protocol = refused ? 2 : 3;
  if (name == "ROLE" && isReplica(reply)) {
    error_ = "the server is a replica";
    return false;
  }
  if (name == "AUTH" && !refused) {
    access_.verdicts->previousFirst = greeting_.byPrevious;
    if (!greeting_.byPrevious) access_.verdicts->accepted = true;
  }
  if (!refused) return true;
  const std::string_view text = reply.substr(1, reply.size() - 3);
  const bool denied = protocol::isDenial(text);
  if (denied) step.denied = text;
  if (step.refusal == Refusal::DoesNoHarm) return true;
  if (step.refusal == Refusal::FailsUnlessDenied && denied) {
    greeting_.readOnlyDenied = greeting_.readOnlyDenied || step.what == telemetry::Deniable::ReadOnly;
    return true;
  }
  if (name == "PING" && isHarmless(text)) return true;
  if (name == "AUTH" && refusesCredentials(text) && judgeRefusedAuth()) return true;
  error_ = name == "AUTH" ? authRefusal(access_, text) : std::string(name) + " refused: " + std::string(text);
  if (name != "PING" || !text.starts_with("NOAUTH")) return false;
  unauthorised_ = true;
  if (access_.ofClient) access_.verdicts->refused = true;
  return false;
}

// Some nodes close the connection now: the next one begins with the other credentials. False: there are none
// that have not been tried.
bool Handshake::judgeRefusedAuth() {
  if (!greeting_.byPrevious) access_.verdicts->refused = true;
  if (access_.previous) access_.verdicts->previousFirst = !greeting_.byPrevious;
  again_ = access_.previous && !std::exchange(triesOther_, true);
  unauthorised_ = !again_;
  return again_;
}

void Handshake::noteDenials(const net::Address& node, net::TimePoint now) const {
  if (access_.denials == nullptr) return;
  for (std::size_t i = 0; i < answered_; ++i) {
    const Step& step = steps_[i];
    if (!step.what) continue;
    if (step.denied.empty()) {
      access_.denials->worked(*step.what, node);
    } else {
      access_.denials->note(*step.what, node, step.denied, now);
    }
  }
}

}  // namespace slotless::upstream
