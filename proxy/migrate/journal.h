// Where a migration stands, kept in the target under reserved names, so that any machine can go on with it;
// and who is at it, so that two are not.
//
//   ~{slotless-migrate}:state   a hash: what for people and for the next run
//   ~{slotless-migrate}:owner   the process that is at work; it lapses by itself
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/migrate/node_writer.h"

namespace slotless::migrate {

class Journal {
 public:
  using Fields = std::map<std::string, std::string>;

  // Empty: there is none.
  static std::string fieldOf(const Fields& fields, const std::string& name);

  // Values of the field `direction`.
  static constexpr const char* kToCluster = "to the cluster";
  static constexpr const char* kToServer = "back to the server";
  // Takes back that the run has caught up, if it said so of the direction that is over: it hears of a
  // decision a moment later. `side`: as decided.
  static void correct(Fields& fields, std::string_view side);

  static constexpr std::string_view kState = "~{slotless-migrate}:state";
  static constexpr std::string_view kOwner = "~{slotless-migrate}:owner";

  explicit Journal(NodeWriter writer);

  // The error, or nothing.
  std::string read(Fields& fields);
  std::string write(const Fields& fields);
  std::string erase();

  // Waits until a former owner has lapsed; one of this machine that does not live any more at once. The
  // error, or nothing: then renew() has to come every few seconds.
  std::string acquire(const std::function<void(const std::string&)>& say);
  // Somebody else has it: an error.
  std::string renew();
  // By another one's connections, for when its own have been stopped.
  void releaseBy(Journal& other) const;
  // Who is at work: empty, nobody.
  std::string owner();

 private:
  subcommand::Reply ask(std::vector<std::string> words);

  NodeWriter writer_;
  const std::string me_;  // HOST:PID:RANDOM
};

// Is it a process of this machine that is no more?
bool isDead(std::string_view owner);
// Is there an owner, as far as can be told from here?
bool isAlive(std::string_view owner);

}  // namespace slotless::migrate
