// Has nodes judge credentials of clients: AUTH after AUTH on one connection, on which nothing else is said,
// so that it does not matter as whom it is known there.
//
// Any master will do, one after the other until one answers; a question that none has answered within its
// time is over. Ownership: its owner's; callbacks may ask again, and must not destroy it. Errors: as values.
// What is asked holds secrets: it is kept until it is answered, and told nobody.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "proxy/upstream/connection.h"
#include "proxy/upstream/link_pool.h"

namespace slotless::upstream {

class Doorman final : private Connection::Owner {
 public:
  struct Judgement {
    bool answered = false;  // otherwise no node could be asked
    bool accepted = false;
    std::string error;  // the node's words, without '-' and CRLF
  };
  using Callback = std::function<void(const Judgement&)>;

  // `masters` tell where to ask; all of them outlive it. `access`: how the connection itself is made.
  Doorman(LinkHost& host, const LinkPool& masters, const LinkSettings& settings, const Access& access);
  ~Doorman();

  // `auth`: the command, as bytes. Never calls back from within. `patience`: until it is over.
  void ask(std::string auth, net::Millis patience, Callback callback);
  // Whether a connection that says nothing about itself may command anything: needs an access without
  // credentials.
  void greet(net::Millis patience, Callback callback) { ask({}, patience, std::move(callback)); }
  // Nobody wants to know any more.
  void forgetAll() noexcept { questions_.clear(); }

 private:
  struct Question {
    std::string auth;
    net::TimePoint deadline;
    Callback callback;
  };

  void onConnectionUp() override;
  void onBytes(std::string_view bytes) override;
  void onRoom() override { write(); }
  void onConnectionLost(std::string_view reason) override;
  void open();
  void write();
  void settle(const Judgement& judgement);
  void retry();
  void onTimer();

  // Between two tries, and how long a node may take for an answer before another one is asked.
  static constexpr net::Millis kPause{50};

  LinkHost& host_;
  const LinkPool& masters_;
  const LinkSettings& settings_;
  const Access& access_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<net::Timer> timer_;
  OwnReplyReader reader_;
  std::deque<Question> questions_;
  std::size_t said_ = 0;  // of them, on this connection
  std::string output_;
  net::TimePoint heardAt_{};  // or asked
  net::TimePoint usedAt_{};
  std::size_t next_ = 0;
};

}  // namespace slotless::upstream
