// One client connection: takes requests out of its bytes, gives replies back in order, within its limits.
//
// States: Open -> Closing (no more input; closed once the output has left) -> Closed (to be destroyed at the
// end of the turn). Ownership: the worker's; a client never destroys itself.
#pragma once
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/command_ids.h"
#include "protocol/request_parser.h"
#include "proxy/net/byte_chain.h"
#include "proxy/net/loop.h"
#include "proxy/session/conversation.h"
#include "proxy/session/holding.h"
#include "proxy/session/owned_request.h"
#include "proxy/session/pending_list.h"
#include "proxy/session/refusal.h"
#include "proxy/session/reply_switch.h"
#include "proxy/session/services.h"

namespace slotless::session {

class KeyQuestion;

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

class Client final : private net::Stream::Observer {
 public:
  Client(Services& services, std::uint64_t id);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The socket, once: it needs the client as its observer first.
  void attach(std::unique_ptr<net::Stream> stream);
  net::Stream::Observer& observer() noexcept { return *this; }

  // What the worker calls at the end of a turn, by the agenda.
  void parse();
  void flush();
  // A greedy client's turn: parses what is left, or reads.
  void goOn();

  // For the dispatcher.
  PendingList& pending() noexcept { return pending_; }
  const PendingList& pending() const noexcept { return pending_; }
  // Bytes of the reply: to the client if it is this request's turn, else they wait.
  void deliver(Request& request, std::string_view bytes);
  // Forgets reply bytes that have not been given to the client.
  void discardWaiting(Request& request);
  void onRequestDone(Request& request);

  // A message or the like, between two replies. Its first byte is given apart: the protocols differ in it.
  void push(char first, std::string_view bytes);
  // Bytes that wait for a reply to leave.
  void countWaiting(std::size_t bytes) {
    waitingBytes_ += bytes;
    checkOutputLimit();
  }
  void uncountWaiting(std::size_t bytes) noexcept { waitingBytes_ -= bytes; }
  // Closes a client that has not taken such for too long.
  void checkPushLimit();

  // The reply under way comes on a connection that has been paused until there is room.
  void awaitRoom();
  // Since when it has been; the epoch: it is not.
  net::TimePoint pausedSince() const noexcept { return pausedSince_; }
  // Closes a client that takes nothing of such a reply.
  void checkRoom();

  // For local commands.
  void reply(const protocol::CommandSpec* spec, std::string_view bytes);
  // Even if CLIENT REPLY has switched replies off.
  void notify(const protocol::CommandSpec* spec, std::string_view bytes);
  // It has exceeded a limit; `bytes`: how much it held, for the log.
  void closeFor(telemetry::Limit limit, std::string_view reason, std::size_t bytes);
  void closeAfterReply();
  // As soon as what was asked before it has been answered. It gets no reply, nor does what follows it.
  void closeBehind(Request& request);
  // nullptr: there is none of that kind.
  const Request* lastWord() const noexcept { return lastWord_; }
  // At once. What is pending is given up at the end of the turn, by abandonAll().
  void close(std::string_view reason);
  // It speaks HTTP: somebody uses a browser to get at what is behind the proxy.
  void closeCrossProtocol();
  // What it had to do before others may command anything is done …
  void logIn();
  // … has to be done from now on …
  void beginLogin();
  // … and takes it too long: it is closed.
  void checkLogin();
  // May it command more than how to log in?
  bool loggedIn() const noexcept { return authenticated_ || !requiresAuthentication(services_.config); }
  // The proxy is about to end: serves on, and closes as soon as nothing of the client is under way.
  void drain();
  // What it has under way and holds is given up. False: there is more of it; to be called again.
  bool abandon(WorkBudget& budget);

  std::uint64_t id() const noexcept { return id_; }
  ClientState state() const noexcept { return state_; }
  const net::Address& peer() const noexcept { return peer_; }
  net::Address localAddress() const { return stream_ == nullptr ? net::Address{} : stream_->local(); }
  int descriptor() const { return stream_ == nullptr ? -1 : stream_->descriptor(); }
  net::TimePoint createdAt() const noexcept { return createdAt_; }
  net::TimePoint lastActive() const noexcept { return lastActive_; }
  // It has closed its sending side, and may have left altogether.
  bool inputEnded() const noexcept { return inputEnded_; }
  std::size_t inputBytes() const noexcept { return input_ == nullptr ? 0 : input_->size(); }
  std::size_t inputRoom() const noexcept { return input_ == nullptr ? 0 : input_->room(); }
  // Reply bytes that have not left.
  // What could leave at once, if the client took it.
  std::size_t unsentBytes() const noexcept { return output_.size(); }
  std::size_t outputBytes() const noexcept { return output_.size() + waitingBytes_ + pushes_.size(); }
  // What is held on its behalf, in time that does not depend on how much it is.
  ClientMemory memory() const noexcept;
  std::size_t footprint() const noexcept { return memory().all(); }
  // So much more is held for one of its pending requests, until that is over.
  void charge(Request& request, std::size_t bytes) noexcept {
    request.charged += bytes;
    charged_ += bytes;
  }
  const ClientTraffic& traffic() const noexcept { return traffic_; }
  // The id of the last command's name.
  std::uint16_t lastCommand() const noexcept { return lastCommand_; }
  // Nothing of it is on its way.
  bool quiet() const noexcept {
    return pending_.empty() && output_.empty() && input_ == nullptr && !conversation_.listens();
  }

  std::uint8_t& agendaBits() noexcept { return agendaBits_; }
  // For Holding.
  Held& held() noexcept { return held_; }
  const Held& held() const noexcept { return held_; }
  // A reason not to take its next request may be gone.
  void takeMore();
  // The same for a reason not to read from it at all, see MemoryRelief.
  void readAgain();
  // What has been asked about the first request of the input, see KeyLookups.
  KeyQuestion*& keyQuestion() noexcept { return keyQuestion_; }

  // Adds a request to the end of the pending list; it has to be started.
  Request& addRequest(const protocol::CommandSpec& spec);
  Request& addRequest(const protocol::CommandSpec& spec, RequestKind kind);
  // A command about so many keys that its plan is made and started in pieces. False: as for route().
  bool splitInPieces(const Command& command);
  // Makes the plan of a command for nodes, and starts it. False: it has to wait; nothing has been done.
  bool route(Command& command);
  // For work in pieces: takes the request at hand, of which the command tells, out of the input …
  OwnedRequest own(const Command& command);
  // … and the next one is not taken up before it is released.
  void holdInput() noexcept { inputHeld_ = true; }
  void releaseInput();
  // Starts it by the plan in services.
  void start(Request& request, Command& command);
  // The same for a command that needs a guard, see slot_guard.h.
  void startGuarded(Request& request, Command& command);
  upstream::LinkPool& links() noexcept { return services_.linksFor(protocol); }
  Conversation& conversation() noexcept { return conversation_; }
  const Conversation& conversation() const noexcept { return conversation_; }
  ReplySwitch& replySwitch() noexcept { return replySwitch_; }
  // For PauseGate: its next request is kept back. False: no change.
  bool postpone(bool on);
  bool postponed() const noexcept { return postponed_; }
  // What SELECT has chosen.
  const databases::Database& database() const noexcept { return *database_; }
  void select(const databases::Database& database) noexcept { database_ = &database; }
  // Where the connection begins, and RESET leads back to.
  void setHome(const databases::Database& database) noexcept { home_ = database_ = &database; }
  // What it calls the databases: it begins in its 0 then, unless they are as they are.
  const databases::Numbering& numbering() const noexcept { return *numbering_; }
  void setNumbering(const databases::Numbering& numbering, const databases::Database& home) noexcept {
    numbering_ = &numbering;
    setHome(home);
  }
  // RESET: as it was when the connection was made.
  void resetSession();
  // The output cannot leave, and the client may be waiting to write: let it write some more.
  void raiseAllowance();
  // There may be something to parse.
  void wake();
  bool stalled() const noexcept;
  // Has output left since this was asked last?
  bool takeProgress() noexcept { return std::exchange(progress_, false); }

  // A master that it has written to, and the topology's version at the first of these writes.
  struct Written {
    net::Address node;
    std::uint64_t since;
  };
  // For WAIT.
  const std::vector<Written>& writtenTo() const noexcept { return writtenTo_; }
  bool hasWrittenTo(const net::Address& node) const noexcept {
    return std::any_of(writtenTo_.begin(), writtenTo_.end(),
                       [&](const Written& each) { return each.node == node; });
  }
  void noteWriteTo(const net::Address& node, std::uint64_t topologyVersion) {
    if ((writtenTo_.empty() || writtenTo_.back().node != node) && !hasWrittenTo(node))
      writtenTo_.push_back({node, topologyVersion});
  }

  // Forgets the writes of which `gone` is true. False: there were none.
  template <typename Gone>
  bool forgetWrites(Gone gone) {
    return std::erase_if(writtenTo_, gone) > 0;
  }

  int protocol = 2;
  config::ReadFrom readFrom = config::ReadFrom::Master;
  // nullopt: as for all.
  std::optional<config::WriteOnLostLink> writeOnLostLink;
  std::string name;
  std::string libraryName;
  std::string libraryVersion;
  // What it has asked for and CLIENT LIST shows; the proxy evicts nobody, and links are shared.
  bool noEvict = false;
  bool noTouch = false;
  bool readOnly = false;        // READONLY
  bool takesRedirects = false;  // CLIENT CAPA REDIRECT
  // For the order of requests, see Dispatcher: the topology that all pending legs were sent by …
  std::uint64_t routedVersion = 0;
  // … unless some of them went another way.
  bool detoured = false;

 private:
  void transition(ClientState next);
  void onReadable() override;
  void onWritable() override;
  void read();
  std::size_t receive(char* to, std::size_t room);
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
  bool awaitPending() noexcept;
  // False: it has to wait (barrier); nothing has been done.
  bool handle(const protocol::RequestParser& request, std::string_view bytes);
  bool isShort(const protocol::CommandSpec* spec, const protocol::RequestParser& request,
               std::string_view bytes) const noexcept;
  bool takeShort(const protocol::CommandSpec& spec, protocol::Argv argv, std::string_view bytes);
  bool isBehindBarrier() const noexcept;
  // What handle() has found nothing against. False: as there.
  bool take(const protocol::CommandSpec& spec, protocol::Argv argv, std::string_view bytes, bool isInline);
  void refuse(const protocol::CommandSpec* spec, std::string_view line);
  void appendReply(const protocol::CommandSpec* spec, std::string_view bytes);
  bool endsInput(std::string_view bytes);
  void pause();
  void endInput(net::IoStatus status);
  void endIfAllAsked();
  Request& popPending() noexcept;
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

  Services& services_;
  const std::uint64_t id_;
  ClientState state_ = ClientState::Open;
  std::uint8_t agendaBits_ = 0;
  bool inputEnded_ = false;
  bool progress_ = false;
  bool postponed_ = false;
  bool paused_ = false;   // input is left unparsed, and reading stops
  bool starved_ = false;  // nothing is read for want of memory, see MemoryRelief
  bool leaving_ = false;
  bool authenticated_ = false;
  bool inputHeld_ = false;
  bool greedy_ = false;  // has asked for more than fits into one turn: such clients take turns
  // The first request of the input has been looked at before, and counted, but not taken up …
  bool seen_ = false;
  // … because it is to be the only one under way.
  bool awaitsPending_ = false;
  std::unique_ptr<net::Stream> stream_;
  net::Address peer_;
  protocol::RequestParser parser_;
  net::BlockPtr input_;  // bytes of incomplete or waiting requests; none while idle
  net::ByteChain output_;
  net::ByteChain pushes_;            // until the reply that has begun is at its end
  net::TimePoint aboveSoftSince_{};  // subscribers: 0 while below
  net::TimePoint pausedSince_{};
  net::TimePoint awaitsRoom_{};  // since it last took something of a paused reply; 0: none is paused
  PendingList pending_;
  Request* lastWord_ = nullptr;  // of pending_, see closeBehind()
  Conversation conversation_;
  const databases::Database* home_;
  const databases::Database* database_;
  const databases::Numbering* numbering_ = nullptr;
  std::size_t saidBeforeLogin_ = 0;  // bytes of replies
  std::size_t outputAllowance_;      // unread output above which no more input is taken …
  std::size_t outputRoom_ = 0;       // … while these bytes are: less where memory is scarce
  std::size_t replyEstimate_;        // bytes of a reply, as far as can be told from the last ones
  std::size_t waitingBytes_ = 0;     // reply bytes that wait behind earlier requests
  std::size_t largeReply_ = 0;   // of a reply at the end of output_ that is not counted for the hard limit
  std::size_t parserBytes_ = 0;  // as counted in the heap's account
  std::size_t charged_ = 0;      // what its pending requests are charged for
  Held held_;
  KeyQuestion* keyQuestion_ = nullptr;
  const upstream::Link* lastLink_ = nullptr;  // strict-order: where the pending requests went
  std::vector<Written> writtenTo_;
  ClientTraffic traffic_;
  const net::TimePoint createdAt_;
  net::TimePoint lastActive_{};
  net::TimePoint loginSince_;
  ReplySwitch replySwitch_;
  std::uint16_t lastCommand_ = protocol::CommandIds::kNone;
};

}  // namespace slotless::session
