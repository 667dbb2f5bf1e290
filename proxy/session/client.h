// One client: what its requests are, and whether and how they are taken up. Its bytes are ClientConnection's.
//
// Ownership: the worker's; a client never destroys itself.
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
#include "proxy/access/permission.h"
#include "proxy/downstream/client_connection.h"
#include "proxy/emulation/asker.h"
#include "proxy/net/byte_chain.h"
#include "proxy/net/loop.h"
#include "proxy/observe/trace_context.h"
#include "proxy/session/client_limits.h"
#include "proxy/session/conversation.h"
#include "proxy/session/listener_rules.h"
#include "proxy/session/login_delays.h"
#include "proxy/session/refusal.h"
#include "proxy/session/reply_switch.h"
#include "proxy/session/services.h"
#include "proxy/tracking/tracked.h"

namespace slotless::session {

class KeyQuestion;
struct NodeUser;

inline constexpr std::string_view kTooManyOfUser = "ERR max number of clients of this user reached";

class Client final : public ClientConnection, public Tracked, public Asker {
 public:
  Client(Services& services, std::uint64_t id, std::size_t listener = 0);
  ~Client() = default;

  // For the dispatcher, see Downstream.
  Identity identity() const override;
  Leases& leases() noexcept override { return conversation_; }

  // Beside the replies, see Tracked.
  void push(char first, std::string_view bytes) override;
  void countWaiting(std::size_t bytes) override { addWaiting(bytes); }
  void uncountWaiting(std::size_t bytes) noexcept override { removeWaiting(bytes); }
  bool mayHearOf(const databases::Database* database) const noexcept override;
  void onTrackingLinkGone(const upstream::Link& link) noexcept override {
    conversation_.onTrackingLinkGone(link);
  }

  // For local commands.
  void reply(const protocol::CommandSpec* spec, std::string_view bytes);
  // Even if CLIENT REPLY has switched replies off.
  void notify(const protocol::CommandSpec* spec, std::string_view bytes);
  // It has left, and its request in stages is carried out to its end all the same: what one Redis has read it
  // carries out as a whole, whoever is there to hear of it. Asked again when a stage is over.
  bool lingers() const noexcept;
  // What it has under way and holds is given up. False: there is more of it; to be called again.
  bool abandon(WorkBudget& budget);

  net::Address localAddress() const override { return localEnd(); }
  // The id of the last command's name.
  std::uint16_t lastCommand() const noexcept { return lastCommand_; }
  // What has been asked about the first request of the input, see KeyLookups.
  KeyQuestion*& keyQuestion() noexcept { return keyQuestion_; }

  // Adds a request to the end of the pending list; it has to be started.
  Request& addRequest(const protocol::CommandSpec& spec);
  Request& addRequest(const protocol::CommandSpec& spec, RequestKind kind);
  // A command about so many keys that its plan is made and started in pieces. False: as for route().
  bool splitInPieces(const Command& command);
  // Makes the plan of a command for nodes, and starts it. False: it has to wait; nothing has been done.
  bool route(Command& command);
  // For work in pieces: takes the request at hand, of which the command tells, out of the input.
  OwnedRequest own(const Command& command) { return takeOut(command.whole, command.argv); }
  // Starts it by the plan in services.
  void start(Request& request, Command& command);
  // The same for a command that needs a guard, see slot_guard.h.
  void startGuarded(Request& request, Command& command);
  Conversation& conversation() noexcept { return conversation_; }
  const Conversation& conversation() const noexcept { return conversation_; }
  ReplySwitch& replySwitch() noexcept { return replySwitch_; }
  // What SELECT has chosen.
  const databases::Database& database() const noexcept { return *database_; }
  void select(const databases::Database& database);
  // Where the connection begins, and RESET leads back to.
  void setHome(const databases::Database& database) {
    home_ = &database;
    select(database);
  }
  // What it calls the databases: it begins in its 0 then, unless they are as they are.
  const databases::Numbering& numbering() const noexcept override { return *numbering_; }
  access::UserPtr restrictedUser() const override { return restricted_ ? account_->userPtr() : nullptr; }
  // Its user may not select all databases.
  bool seesSomeDatabases() const noexcept { return restricted_ && account_->user().limits.databases; }
  void setNumbering(const databases::Numbering& numbering, const databases::Database& home) {
    numbering_ = &numbering;
    setHome(home);
  }
  // RESET: as it was when the connection was made.
  void resetSession();

  // --- users, see Accounts ---
  // Whose client it is; nullptr: there are no users, or it has not logged in.
  const access::Permission* account() const noexcept { return account_; }
  // Before its first request: what the connection has from its listener stays its own.
  void welcome();
  // It has logged in: it begins where its user does.
  void enter(const access::Permission& account);
  // What its user may do has changed, or there is no user any more.
  void rebind(const access::Permission* account);
  // It is that user's from now on. False: that one has as many clients as it may have; it stays as it was.
  bool join(const access::Permission& account);
  // As its certificate says, if that names a user.
  void enterByCertificate();

  // --- listeners and limits ---
  std::uint32_t listener() const noexcept { return listener_; }
  const config::ListenerOptions& listenerOptions() const noexcept;
  // Its address counts for limits from now on. Of one that arrives: nullopt: it may; otherwise why not.
  enum class Since : std::uint8_t { Now, Before };
  std::optional<telemetry::Limit> joinAddress(Since since);
  // nullptr: nothing is counted.
  ClientLimits* limits() noexcept { return limits_.get(); }
  void onSettled() {
    if (limits_ != nullptr) limits_->onSettled();
  }
  // What has to be asked may be something else.
  void requestion() noexcept;
  // Closes a client that has been silent for too long.
  void checkIdle();

  // --- the nodes' own databases, see NodeDatabases ---
  // By which requests for keys of that database go.
  upstream::LinkSet& linksOf(const databases::Database& database) const;
  // Its requests go by these from now on. Requires that nothing is pending.
  void turnTo(upstream::LinkSet& links);
  // Wait: it is woken, and is to ask again with the same request. Refused: `line` is for the client.
  enum class Passage : std::uint8_t { Go, Wait, Refused };
  // May SELECT choose that one?
  Passage mayChoose(const databases::Database& database, std::string& line);

  // --- users of the nodes, see NodeUsers ---
  // nullptr: there are none, or it has not logged in.
  NodeUser* nodeUser() const noexcept { return nodeUser_; }
  // Its requests go by these from now on. Requires that nothing is pending.
  void becomeUser(NodeUser* user, upstream::LinkSet& connections) noexcept {
    nodeUser_ = user;
    upstream = &connections;
  }

  // --- for a cut-over, see call_back.h ---
  // A command that blocks and stands on no link goes back into the input. False: there is none.
  bool takeBack();
  // Its databases will lie elsewhere: what it watches is lost, and it goes by the proxy's own links. Requires
  // that nothing is pending.
  void vacate();
  // They do from now on.
  void relocate();

  std::string name;
  std::string libraryName;
  std::string libraryVersion;
  // CLIENT SETINFO TRACEPARENT: what its requests belong to from now on. nullptr: nothing.
  void setTraceParent(std::unique_ptr<const observe::TraceParent> parent);
  // What it has asked for and CLIENT LIST shows; the proxy evicts nobody, and links are shared.
  bool noEvict = false;
  bool noTouch = false;
  bool readOnly = false;        // READONLY
  bool takesRedirects = false;  // CLIENT CAPA REDIRECT
  // Of the request at hand, which may be looked at several times.
  struct AtHand {
    bool seen = false;           // it has been counted, but not taken up …
    bool awaitsPending = false;  // … because it is to be the only one under way
    bool paid = false;           // see ClientLimits
    LoginDelay loginDelay = LoginDelay::None;
  };
  AtHand atHand;

 private:
  bool takeUp(const protocol::RequestParser& request, std::string_view bytes, bool whole) override;
  void onProtocolError(std::string_view line) override { refuse(nullptr, line); }
  bool isExclusive() const noexcept override { return conversation_.exclusive(); }
  void onReplied(const Request& request, net::ByteChain& output) override;
  void onAllReplied() override { conversation_.settle(); }
  bool listens() const noexcept override { return conversation_.listens(); }
  bool waits() const noexcept override { return conversation_.blocked(); }
  bool leavesWithInput() override;
  bool atRest() const noexcept override;
  void onClosed() override;
  void onFirstInput() override { enterByCertificate(); }
  std::size_t sessionBytes() const noexcept override;

  bool awaitPending() noexcept;
  // False: it has to wait (barrier); nothing has been done.
  bool handle(const protocol::RequestParser& request, std::string_view bytes);
  // The same for what is not plain.
  bool handleAll(const protocol::CommandSpec* spec, const protocol::CommandSpec* container,
                 const protocol::RequestParser& request, std::string_view bytes);
  bool isShort(const protocol::CommandSpec* spec, const protocol::RequestParser& request,
               std::string_view bytes) const noexcept;
  bool mayShort(const protocol::CommandSpec& spec, protocol::Argv argv);
  // What handle() has found out of a request.
  struct Asked {
    const protocol::CommandSpec* spec;
    const protocol::CommandSpec* container;
    protocol::Argv argv;
    std::string_view bytes;
    bool isInline;
  };
  // client_questions.cpp: by the rules of its listener, and by limits. Refused: `line` is for the client.
  Passage question(Asked& asked, std::string& line);
  void takeOwnName(const ListenerRules& rules, Asked& asked);
  // True: it has been answered.
  bool refuseRequest(const protocol::CommandSpec* spec, std::string_view line);
  bool takeShort(const protocol::CommandSpec& spec, protocol::Argv argv, std::string_view bytes);
  bool isBehindBarrier() const noexcept;
  // May that one of the nodes' own be used?
  Passage enterNodeDatabase(const databases::Database& database, std::string& line);
  // What handle() has found nothing against. False: as there.
  bool take(const protocol::CommandSpec& spec, protocol::Argv argv, std::string_view bytes, bool isInline);
  void refuse(const protocol::CommandSpec* spec, std::string_view line);
  // Adds a request for which nothing is at hand.
  Request& pushRequest(const protocol::CommandSpec& spec, RequestKind kind);
  // client_traces.cpp. All of its requests are traced, within a limit.
  bool wantsTraces() const noexcept;
  // If the request at hand is to be traced, it is from here on. `chosen`: by chance.
  void beginTraceAtHand(const protocol::CommandSpec& spec, bool chosen);
  // Chosen by chance, as one of `every`, it may be.
  void traceShort(Request& request, std::uint64_t every);
  // The proxy answers the request at hand, which is traced, or another client.
  void noteTraceReply(std::string_view bytes);
  // No request was made for the one at hand.
  void endTraceAtHand();
  // It has to wait, and is looked at anew then. False.
  bool leaveAtHand() noexcept {
    services_.traceAtHand.reset();
    return false;
  }
  // False: it has to wait. `line` is empty then, or if there is no objection.
  bool checkUser(const protocol::CommandSpec& spec, protocol::Argv argv, std::string& line);

  Services& services_;
  Conversation conversation_;
  const databases::Database* home_;
  const databases::Database* database_;
  const databases::Numbering* numbering_ = nullptr;
  config::ReadFrom homeReadFrom_ = config::ReadFrom::Master;
  bool questioned_ = false;  // something has to be asked before each of its requests
  bool counted_ = false;     // of that: its requests are counted by limits_
  bool restricted_ = false;  // its user may not do everything
  bool strays_ = false;      // its links are not those of the database that it has chosen
  std::uint32_t listener_;   // in config.listen
  std::unique_ptr<ClientLimits> limits_;
  const access::Permission* account_ = nullptr;
  NodeUser* nodeUser_ = nullptr;
  KeyQuestion* keyQuestion_ = nullptr;
  const upstream::Link* lastLink_ = nullptr;  // strict-order: where the pending requests went
  ReplySwitch replySwitch_;
  std::uint16_t lastCommand_ = protocol::CommandIds::kNone;
  std::unique_ptr<const observe::TraceParent> traceParent_;
};

// Whose request it is; requires that it has not left. In a worker all that requests are for are clients.
inline Client& clientOf(const Request& request) noexcept {
  return static_cast<Client&>(*request.client);
}

}  // namespace slotless::session
