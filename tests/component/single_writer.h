// A client that writes keys nobody else does, and knows what each of its replies may be.
//
// What became of an ambiguous write is not known: its key may have one of several values, until a reply
// tells.
#pragma once
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "fake_client.h"

namespace slotless::test {

class SingleWriter {
 public:
  // `number`: part of its keys' names.
  SingleWriter(FakeClient& client, std::size_t number, const std::vector<std::string>& tags,
               std::mt19937& random);

  // Sends a few random requests, in random pieces.
  void sendSome();
  // Reads little of what comes until it wakes up, which it may do of itself.
  void fallAsleep();
  void wakeUp();
  // Asks for all its keys, one by one.
  void sendCheck();
  // Judges what has come. Throws std::logic_error on what cannot be right.
  void receive();
  // All requests have been answered.
  bool idle() const noexcept { return expected_.empty(); }
  std::size_t ambiguous() const noexcept { return ambiguous_; }
  std::size_t answered() const noexcept { return answered_; }
  std::size_t refused() const noexcept { return refused_; }

 private:
  using Value = std::optional<std::string>;
  using Values = std::set<Value>;
  // Turns a value into the one behind a write.
  using Change = std::function<Value(const Value&)>;
  struct Step {
    enum class Kind { Fixed, Read, Write, Queued, Exec } kind;
    std::string text;   // for messages
    std::string reply;  // Fixed
    std::vector<std::string> keys;
    std::vector<Change> changes;  // of each key; Write
    // Write: the reply, by the value that the (only) key had before.
    std::function<std::string(const Value&)> told;
    std::vector<Step> inside;  // Exec
    bool watched = false;
    std::size_t number = 0;
  };
  // A read was ambiguous, so one of these writes has to be.
  struct Shared {
    std::string read;
    std::set<std::size_t> writes;
  };

  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  std::string anyKey() { return keys_[below(keys_.size())]; }
  std::string keyLike(const std::string& key);
  std::string newValue() { return "v" + std::to_string(++values_); }
  Step makeStep(const std::string& near);
  void addTransaction(std::string& bytes);
  void expect(Step step);
  void judge(const Step& step, std::string_view reply);
  void awaitAmbiguous(const Step& read, std::string_view reply);
  void settleShared(const Step& step, bool ambiguous);
  void judgeRead(const Step& step, std::string_view reply);
  void judgeWrite(const Step& step, std::string_view reply);
  void judgeExec(const Step& step, std::string_view reply);
  void maybe(const Step& step);
  [[noreturn]] static void fail(const Step& step, std::string_view reply, const std::string& why);

  FakeClient& client_;
  std::mt19937& random_;
  std::vector<std::string> keys_;
  std::map<std::string, Values> possible_;
  std::deque<Step> expected_;
  std::vector<Shared> shared_;
  std::string received_;
  bool asleep_ = false;
  std::size_t steps_ = 0;
  std::size_t values_ = 0;
  std::size_t ambiguous_ = 0;
  std::size_t answered_ = 0;
  std::size_t refused_ = 0;
};

}  // namespace slotless::test
