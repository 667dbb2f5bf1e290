// Asks a node which arguments of a command are keys (COMMAND GETKEYS), where the command's facts leave that
// open; and looks into the text of scripts that declare none.
//
// One question per client: meanwhile the client's input rests with the request as its first one, so that its
// requests keep their order. Without a ready link a question waits for one, up to the time to hold. A node
// that cannot say leaves it to the facts, as far as they go. Ownership: questions belong to this object,
// since links refer to them; a client that leaves takes its name off.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "protocol/slot.h"
#include "proxy/net/loop.h"
#include "proxy/routing/plan.h"
#include "proxy/session/literal_slots.h"
#include "proxy/translation/command.h"
#include "proxy/upstream/exchange.h"

namespace slotless::session {

class Client;
class KeyLookups;
struct Services;

class KeyQuestion final : public upstream::Exchange {
 public:
  enum class State : std::uint8_t { Waiting, Sent, Answered, Unknown, Denied, TimedOut };

  void onReply(std::string_view bytes, bool last) override;
  void onErrorReply(std::string_view line, const upstream::SentRequest& sent) override;
  void onLost(upstream::Loss loss, const upstream::SentRequest& sent) override;

 private:
  friend class KeyLookups;
  KeyLookups* owner_ = nullptr;
  Client* client_ = nullptr;  // nullptr: has left
  State state_ = State::Waiting;
  std::string request_;
  std::string reply_;
  net::Address node_;  // that was asked last
  net::TimePoint deadline_{};
};

class KeyLookups {
 public:
  explicit KeyLookups(Services& services);
  KeyLookups(const KeyLookups&) = delete;
  KeyLookups& operator=(const KeyLookups&) = delete;

  // Has the router make the plan for the client's request, or makes it of a node's answer, by which keys of a
  // mapped database get their names in the cluster. False: the answer is not in yet; when it is, the client
  // is to parse again (Client::wake()), which leads here with the same request.
  bool plan(Client& client, Command& command, routing::Plan& plan);
  // The client is about to be destroyed.
  void forget(Client& client);
  std::size_t inUse() const noexcept { return all_.size() - free_.size(); }

 private:
  friend class KeyQuestion;
  KeyQuestion& take(Client& client, const std::string& request);
  void put(KeyQuestion& question);
  void send(KeyQuestion& question);
  void waitForLink(KeyQuestion& question);
  void settle(KeyQuestion& question, KeyQuestion::State state);
  void noteDenial(const KeyQuestion& question, std::string_view line);
  void noteAnswer(const KeyQuestion& question);
  void planByFacts(const Command& command, routing::Plan& plan);
  void planUntold(const Command& command, routing::Plan& plan);
  void planByAnswer(std::string_view reply, Command& command, routing::Plan& plan);
  void tick();

  static constexpr net::Millis kTick{50};

  Services& services_;
  LiteralSlots literalSlots_;
  std::unique_ptr<net::Timer> timer_;
  std::vector<std::unique_ptr<KeyQuestion>> all_;
  std::vector<KeyQuestion*> free_;
  std::vector<KeyQuestion*> waiting_;
};

}  // namespace slotless::session
