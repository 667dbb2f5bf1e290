// The poll loop behind AdminHttp: connections with their deadlines, and the thread that renders slow pages.
//
// Ownership: the listening descriptor and all connections are the server's. The loop's state belongs to the
// loop's thread; the two threads meet in the guarded part only.
#pragma once
#include <sys/socket.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proxy/net/listening_socket.h"
#include "proxy/telemetry/admin_http.h"
#include "proxy/telemetry/http_request.h"

namespace slotless::telemetry {

class AdminServer {
 public:
  AdminServer(net::ListeningSocket listener, AdminPages pages);
  // Stops as ~AdminHttp() says.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  enum class State : std::uint8_t {
    Reading,
    Rendering,  // on the other thread
    Writing,
    Leaving,  // all is written: unread bytes must not turn the end into a reset that destroys the answer
    Closed
  };
  struct Connection {
    std::uint64_t id;
    int fd;
    std::string address;
    State state;
    Clock::time_point deadline;
    std::string input;
    std::string output;
  };
  struct Job {
    std::uint64_t connection;
    std::string method;
    std::string path;
    std::string answer;
  };

  void run();
  void render();
  void acceptSome();
  void makeRoomFor(const std::string& address);
  void onReady(Connection& connection);
  void read(Connection& connection);
  void take(Connection& connection);
  void answer(Connection& connection, std::string text);
  void write(Connection& connection);
  void leave(Connection& connection);
  void takeRendered();
  void closeFinished(Clock::time_point now);
  bool mayEnd(Clock::time_point now);
  int patience(Clock::time_point now);
  void wake() const;

  const net::ListeningSocket listener_;
  const int bell_;  // an eventfd
  const AdminPages pages_;

  // The loop's.
  std::list<Connection> connections_;  // oldest first
  std::uint64_t lastId_ = 0;
  Clock::time_point acceptAgain_{};  // not before

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> toRender_;
  std::vector<Job> rendered_;
  std::size_t unanswered_ = 0;  // jobs that are under way, until their page is written
  bool refusing_ = false;
  bool stopping_ = false;
  Clock::time_point endBy_{};

  std::thread loop_;
  std::thread renderer_;
};

}  // namespace slotless::telemetry
