// One client's connection: takes requests out of its bytes, gives replies back in order, within its limits.
//
// States: Open -> Closing (no more input; closed once the output has left) -> Closed (to be destroyed at the
// end of the turn). What a request means, and what the session that it belongs to is in the middle of, the
// derived class knows. Ownership: the worker's; a client never destroys itself.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "protocol/request_parser.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/owned_request.h"
#include "proxy/net/byte_chain.h"
#include "proxy/net/loop.h"

namespace slotless::session {

class MemoryLimits;
class StallWatch;

// Does a client have to know a password, where no users have been configured?
inline bool requiresAuthentication(const config::Config& config) noexcept {
  return config.clientAuth == config::ClientAuth::Same && !config::clientSecret(config).empty();
}

// From this size on a request's buffer is handed over to the link instead of being copied.
inline constexpr std::size_t kHandOverBytes = 16384;

// What one client makes the process hold, by what it is for. Bytes.
struct ClientMemory {
  std::size_t input = 0;     // requests that are not whole, or wait to be taken, and what the parser notes
  std::size_t output = 0;    // replies that have not left
  std::size_t requests = 0;  // what is under way: bytes, records, parts of replies
  std::size_t session = 0;   // the rest: names, transactions, subscriptions …
  std::size_t all() const noexcept { return input + output + requests + session; }
};

// Over its whole life.
struct ClientTraffic {
  std::uint64_t bytesReceived = 0;
  std::uint64_t bytesSent = 0;
  std::uint64_t commands = 0;  // that were not refused at once
};

enum class ClientState : std::uint8_t { Open, Closing, Closed };

// What the connections of one worker share.
struct ConnectionContext {
  Context& requests;
  StallWatch& stalls;
  MemoryLimits& memory;
};

class ClientConnection : public Downstream, private net::Stream::Observer {
 public:
  ClientConnection(ConnectionContext& context, std::uint64_t id);

  // The socket, once: it needs the client as its observer first.
  void attach(std::unique_ptr<net::Stream> stream);
  net::Stream::Observer& observer() noexcept { return *this; }

  // What the worker calls at the end of a turn, by the agenda.
  void parse();
  void flush();
  // A greedy client's turn: parses what is left, or reads.
  void goOn();

  // For the dispatcher, see Downstream.
  void deliver(Request& request, std::string_view bytes) final;
  void discardWaiting(Request& request) final;
  void onRequestDone(Request& request) final;
  // What is pending is given up at the end of the turn.
  void close(std::string_view reason) final;
  void takeMore() final;
  void releaseInput() final;
  bool overfills(std::uint64_t bytes) const final;
  bool awaitRoom() final;

  // Closes a client that has not taken what comes unasked for too long.
  void noteBulk(const Request& finished) noexcept;
  void checkPushLimit();
  // Since when the connection that the reply under way comes on has been paused; the epoch: it is not.
  net::TimePoint pausedSince() const noexcept { return pausedSince_; }
  // Closes a client that takes nothing of such a reply.
  void checkRoom();

  // It has exceeded a limit; `bytes`: how much it held, for the log.
  void closeFor(telemetry::Limit limit, std::string_view reason, std::size_t bytes);
  void closeAfterReply();
  void closeBehind(Request& request) override;
  // It speaks HTTP: somebody uses a browser to get at what is behind the proxy.
  void closeCrossProtocol();
  // What it had to do before others may command anything is done …
  void logIn();
  // … has to be done from now on …
  void beginLogin();
  // … and takes it too long: it is closed.
  void checkLogin();
  // May it command more than how to log in?
  bool loggedIn() const noexcept { return authenticated_ || !context_.loginRequired; }
  // It has proved who it is, or did not have to.
  bool authenticated() const noexcept { return authenticated_; }
  // The proxy is about to end: serves on, and closes as soon as nothing of the client is under way.
  void drain();

  ClientState state() const noexcept { return state_; }
  const net::Address& peer() const noexcept { return peer_; }
  int descriptor() const { return stream_ == nullptr ? -1 : stream_->descriptor(); }
  // As Stream::encryption().
  std::string encryption() const { return stream_ == nullptr ? std::string() : stream_->encryption(); }
  net::TimePoint createdAt() const noexcept { return createdAt_; }
  net::TimePoint lastActive() const noexcept { return lastActive_; }
  // It has closed its sending side, and may have left altogether.
  bool inputEnded() const noexcept { return inputEnded_; }
  std::size_t inputBytes() const noexcept { return input_ == nullptr ? 0 : input_->size(); }
  std::size_t inputRoom() const noexcept { return input_ == nullptr ? 0 : input_->room(); }
  // What could leave at once, if the client took it.
  std::size_t unsentBytes() const noexcept { return output_.size(); }
  // Reply bytes that have not left.
  std::size_t outputBytes() const noexcept { return output_.size() + waitingBytes_ + pushes_.size(); }
  // What is held on its behalf, in time that does not depend on how much it is.
  ClientMemory memory() const noexcept;
  std::size_t footprint() const noexcept { return memory().all(); }
  const ClientTraffic& traffic() const noexcept { return traffic_; }
  // Nothing of it is on its way.
  bool quiet() const noexcept {
    return pending().empty() && output_.empty() && input_ == nullptr && !listens();
  }

  // A reason not to read from it at all may be gone, see MemoryLimits.
  void readAgain();
  // For PauseGate: its next request is kept back. False: no change.
  bool postpone(bool on);
  bool postponed() const noexcept { return postponed_; }
  // The output cannot leave, and the client may be waiting to write: let it write some more.
  void raiseAllowance();
  // There may be something to parse.
  void wake();
  bool stalled() const noexcept;
  // Has output left since this was asked last?
  bool takeProgress() noexcept { return std::exchange(progress_, false); }
  // The next request is not taken up before releaseInput().
  void holdInput() noexcept { inputHeld_ = true; }

 protected:
  ~ClientConnection();

  // A request, or, not whole, an empty line. False: it has to wait; it is given again.
  virtual bool takeUp(const protocol::RequestParser& request, std::string_view bytes, bool whole) = 0;
  virtual void onProtocolError(std::string_view line) = 0;
  // The next request has to wait until all of those that are pending are done.
  virtual bool isExclusive() const noexcept = 0;
  // The request's reply is all in `output`.
  virtual void onReplied(const Request& request, net::ByteChain& output) = 0;
  virtual void onAllReplied() = 0;
  // It is told things that it does not ask for each time.
  virtual bool listens() const noexcept = 0;
  // It waits for something, and sends nothing meanwhile.
  virtual bool waits() const noexcept = 0;
  // The client has closed its sending side. True: what it waits for is not for it any more.
  virtual bool leavesWithInput() = 0;
  // It has asked for something, and is in the middle of nothing.
  virtual bool atRest() const noexcept = 0;
  virtual void onClosed() = 0;
  // Before the first request; a handshake is over.
  virtual void onFirstInput() = 0;
  virtual std::size_t sessionBytes() const noexcept = 0;

  // In the client's certificate, which has been verified. Empty: there is none.
  std::string certificateName(config::CertificateUser which) const;
  net::Address localEnd() const { return stream_ == nullptr ? net::Address{} : stream_->local(); }
  void countCommand() noexcept { ++traffic_.commands; }
  // Behind all that are pending.
  void appendReply(const protocol::CommandSpec* spec, std::string_view bytes);
  // A message or the like, between two replies. Its first byte is given apart: the protocols differ in it.
  void appendPush(char first, std::string_view bytes);
  // Bytes that wait for a reply to leave.
  void addWaiting(std::size_t bytes) {
    waitingBytes_ += bytes;
    checkOutputLimit();
  }
  void removeWaiting(std::size_t bytes) noexcept { waitingBytes_ -= bytes; }
  // Takes the request at hand out of the input: `whole` as it has come, and its arguments, or others.
  OwnedRequest takeOut(std::string_view whole, protocol::Argv argv);
  // A request that had been taken up is to be taken up again, before all others. Requires that no other one
  // has been begun.
  void putBack(std::string_view bytes);
  // The input's buffer if these bytes are large, and all that is left of it: it can be handed over to a link.
  net::BlockPtr* bufferEndingWith(std::string_view bytes);

 private:
  void transition(ClientState next);
  void onReadable() override;
  void onWritable() override;
  void read();
  std::size_t receive(char* to, std::size_t room);
  void noteTlsFailure(int error) const;
  // False: it is no client.
  bool begin(std::string_view bytes);
  void closeForTls();
  // All output has left this process.
  bool outputGone() const { return output_.empty() && (stream_ == nullptr || stream_->unsent() == 0); }
  // False: nothing has come.
  bool readIntoScratch();
  void readIntoInput();
  // Takes requests out of `bytes`, which are in input_ or in the scratch space; returns how many bytes are
  // done.
  std::size_t takeRequests(std::string_view bytes);
  std::size_t takeSome(std::string_view bytes);
  void countParser(std::size_t bytes) noexcept;
  void keepInput(std::string_view rest);
  bool mayTakeRequest();
  void goOnLater();
  void giveBackParser();
  std::size_t readRoom() const noexcept;
  void pause();
  void endInput(net::IoStatus status);
  void endIfAllAsked();
  bool betweenRequests() const noexcept;
  void leaveBetweenRequests();
  void readWhilePaused();
  void updateWatch();
  void noteRoom();
  void exceedPushLimit(std::string_view limit);
  void checkOutputLimit();
  std::size_t outputBeyondLargeReply() const noexcept;
  // Unread output above which no more input is taken, unless that is what it waits for.
  std::size_t usualAllowance() const noexcept;

  Context& context_;
  const ConnectionContext& shared_;
  ClientState state_ = ClientState::Open;
  bool inputEnded_ = false;
  bool progress_ = false;
  bool postponed_ = false;
  bool paused_ = false;   // input is left unparsed, and reading stops
  bool starved_ = false;  // nothing is read for want of memory, see MemoryLimits
  bool leaving_ = false;
  bool authenticated_ = false;
  bool inputHeld_ = false;
  bool greedy_ = false;  // has asked for more than fits into one turn: such clients take turns
  std::unique_ptr<net::Stream> stream_;
  net::Address peer_;
  protocol::RequestParser parser_;
  net::BlockPtr input_;  // bytes of incomplete or waiting requests; none while idle
  net::ByteChain output_;
  net::ByteChain pushes_;            // until the reply that has begun is at its end
  net::TimePoint aboveSoftSince_{};  // subscribers: 0 while below
  net::TimePoint pausedSince_{};
  net::TimePoint awaitsRoom_{};      // since it last took something of a paused reply; 0: none is paused
  std::size_t saidBeforeLogin_ = 0;  // bytes of replies
  std::size_t outputAllowance_;      // unread output above which no more input is taken …
  std::size_t outputRoom_ = 0;       // … while these bytes are: less where memory is scarce
  std::uint32_t bulkLeft_ = 0;       // so many more replies until its values count as small
  std::size_t replyEstimate_;        // bytes of a reply, as far as can be told from the last ones
  std::size_t waitingBytes_ = 0;     // reply bytes that wait behind earlier requests
  std::size_t largeReply_ = 0;   // of a reply at the end of output_ that is not counted for the hard limit
  std::size_t parserBytes_ = 0;  // as counted in the heap's account
  ClientTraffic traffic_;
  const net::TimePoint createdAt_;
  net::TimePoint lastActive_{};
  net::TimePoint loginSince_;
};

}  // namespace slotless::session
