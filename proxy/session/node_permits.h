// Whether a client's user of the nodes may run a command that the proxy answers itself, or makes something
// else of: a node is asked (ACL DRYRUN), by the proxy's own user.
//
// What goes to a node in the user's name the node itself judges. Answers are used again for
// passthrough-verify-interval. Where no node can tell (Redis before 7, or an ACL that denies DRYRUN to the
// proxy), what is neither administration nor dangerous is allowed. Questions are this object's, since links
// refer to them; a client that leaves takes its name off.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/argv.h"
#include "protocol/command_spec.h"
#include "proxy/net/loop.h"
#include "proxy/upstream/exchange.h"

namespace slotless::session {

class Client;
class NodePermits;
struct Services;

class PermitQuestion final : public upstream::Exchange {
 public:
  void onReply(std::string_view bytes, bool last) override;
  void onErrorReply(std::string_view line, const upstream::SentRequest& sent) override;
  void onLost(upstream::Loss loss, const upstream::SentRequest& sent) override;

 private:
  friend class NodePermits;
  NodePermits* owner = nullptr;
  std::uint64_t client = 0;
  std::string user;  // as NodeUsers calls it
  std::string key;   // of its permissions
  std::string request;
  bool dangerous = false;
  std::string reply;
  net::TimePoint deadline{};
};

class NodePermits {
 public:
  enum class Verdict : std::uint8_t { Yes, No, Waits };

  explicit NodePermits(Services& services);
  ~NodePermits();

  // Requires that the client is a user of the nodes. No: `line` is for the client. Waits: it is woken, and is
  // to ask again with the same request.
  Verdict permits(const Client& client, const protocol::CommandSpec& spec, protocol::Argv argv,
                  std::string& line);

 private:
  friend class PermitQuestion;
  Verdict ask(const Client& client, std::string key, protocol::Argv argv, bool dangerous, std::string& line);
  void send(PermitQuestion& question);
  void settle(PermitQuestion& question, std::string refusal);
  void onMissing(const PermitQuestion& question);
  void wait(PermitQuestion& question);
  void tick();

  static constexpr net::Millis kTick{50};

  Services& services_;
  std::unique_ptr<net::Timer> timer_;
  std::vector<std::unique_ptr<PermitQuestion>> all_;
  std::vector<PermitQuestion*> waiting_;
};

}  // namespace slotless::session
