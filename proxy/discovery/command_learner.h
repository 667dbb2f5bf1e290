// Learns from the masters which commands there are, and keeps that up to date.
//
// Runs on the cluster thread's loop, one round at a time: every master is asked for its version and how many
// commands it has, then one master of each distinct answer for COMMAND, and for what COMMAND DOCS says of
// groups. The table has what all of them know. A round begins when there are other masters than before and,
// because modules can be loaded at any time, after `interval`. A master that cannot be asked makes the next
// round come sooner, with growing pauses; meanwhile the others' facts count. A server that refuses COMMAND (a
// managed service, an ACL) does not count; if all do, there is no table, and the built-in one goes on.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/command_table.h"
#include "proxy/cluster/topology.h"
#include "proxy/discovery/node_query.h"
#include "proxy/discovery/server_build.h"
#include "proxy/net/loop.h"
#include "proxy/upstream/access.h"

namespace slotless::discovery {

using CommandTablePtr = std::shared_ptr<const protocol::CommandTable>;

struct LearnSettings {
  upstream::Access access;
  net::Millis queryTimeout{2000};
  net::Millis interval{60000};
  net::Millis retryMin{1000};
  net::Millis retryMax{60000};
  std::size_t width = 4;  // masters asked at the same time
};

class CommandLearner {
 public:
  struct Events {
    // Other servers count than before.
    std::function<void(CommandTablePtr, const std::set<ServerBuild>&)> learned;
    // No server tells its commands, but these are the servers: then the table that is built in counts. Told
    // when other servers count than before.
    std::function<void(const std::set<ServerBuild>&)> untold = [](const std::set<ServerBuild>&) {};
    // The server answered, but not with a list of commands. Told once per build.
    std::function<void(const net::Address&, const ServerBuild&, const std::string& error)> refused;
    std::function<void(const net::Address&, const std::string& error)> failed;
  };

  CommandLearner(net::Loop& loop, LearnSettings settings, Events events);
  ~CommandLearner();

  void setTopology(const cluster::Topology& topology);
  // From the next question on.
  void setSettings(LearnSettings settings) { settings_ = std::move(settings); }

 private:
  // What is known of a master of this round.
  struct Master {
    net::Address address;
    std::optional<ServerBuild> build;
  };
  using Facts = std::vector<protocol::CommandSpec>;

  void beginRound();
  void askBuilds();
  void askCommands();
  void endRound();
  void ask(std::size_t master, const std::vector<std::vector<std::string_view>>& commands);
  void onAnswer(std::size_t master, const QueryResult& result);
  void noteDenials(const net::Address& node, const QueryResult& result);
  void onCommands(const Master& master, const redisReply& reply, const redisReply& groups);
  void fail(const Master& master, const std::string& error);
  void publish(const std::set<ServerBuild>& builds);
  void tellUntold();

  net::Loop& loop_;
  LearnSettings settings_;
  Events events_;
  std::unique_ptr<net::Timer> timer_;
  std::vector<net::Address> known_;  // the masters of the latest topology
  std::vector<Master> masters_;
  std::map<std::size_t, std::unique_ptr<NodeQuery>> queries_;  // by index in masters_
  std::size_t next_ = 0;                                       // the first master that is still to be asked
  std::map<ServerBuild, Facts> facts_;
  std::set<ServerBuild> refusals_;  // of this round
  std::set<ServerBuild> reported_;  // refusals that have been told
  std::set<ServerBuild> learned_;   // what the latest table is made of
  std::set<ServerBuild> untold_;    // told as such
  int failedRounds_ = 0;
  bool inRound_ = false;
  bool askingCommands_ = false;  // the second half of a round
  bool wanted_ = false;
  bool complete_ = true;  // all masters of this round have answered
};

}  // namespace slotless::discovery
