#include "proxy/telemetry/admin_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "proxy/telemetry/admin_response.h"
#include "proxy/telemetry/log.h"

namespace slotless::telemetry {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRequestTimeout{kAdminRequestTimeoutMillis};
constexpr milliseconds kAnswerTimeout{kAdminAnswerTimeoutMillis};
constexpr milliseconds kStopTimeout{kAdminStopTimeoutMillis};
// After running out of descriptors or memory: without a pause the poll would spin.
constexpr milliseconds kPauseWhenExhausted{100};

// Signals are for the thread that waits for them, never for these.
void beginThread(const char* name) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), name);
}

// The bytes of an IP address; the same for an IPv4 address wherever it comes in.
std::string addressOf(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET6) {
    const auto& address = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    const auto* bytes = reinterpret_cast<const char*>(&address);
    return IN6_IS_ADDR_V4MAPPED(&address) ? std::string(bytes + 12, 4) : std::string(bytes, sizeof address);
  }
  const auto& address = reinterpret_cast<const sockaddr_in&>(peer).sin_addr;
  return {reinterpret_cast<const char*>(&address), sizeof address};
}

AdminResponse stoppingResponse() {
  return {503, "text/plain; charset=utf-8", "stopping\n"};
}

}  // namespace

AdminServer::AdminServer(net::ListeningSocket listener, AdminPages pages)
    : listener_(std::move(listener)),
      bell_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      pages_(std::move(pages)) {
  loop_ = std::thread([this] {
    beginThread("admin");
    run();
  });
  renderer_ = std::thread([this] {
    beginThread("admin-pages");
    render();
  });
}

AdminServer::~AdminServer() {
  {
    std::unique_lock lock(mutex_);
    refusing_ = true;
    endBy_ = Clock::now() + kStopTimeout;
    changed_.wait_until(lock, endBy_, [this] { return unanswered_ == 0; });
    stopping_ = true;
    changed_.notify_all();
  }
  wake();
  loop_.join();
  renderer_.join();
  ::close(bell_);
}

void AdminServer::wake() const {
  const std::uint64_t one = 1;
  (void)!::write(bell_, &one, sizeof one);
}

void AdminServer::run() {
  std::vector<pollfd> polled;
  for (;;) {
    const Clock::time_point now = Clock::now();
    if (mayEnd(now)) break;
    polled.assign({{bell_, POLLIN, 0}, {now >= acceptAgain_ ? listener_.descriptor() : -1, POLLIN, 0}});
    for (const Connection& each : connections_) {
      const bool writes = each.state == State::Writing;
      polled.push_back(
          {each.state == State::Rendering ? -1 : each.fd, static_cast<short>(writes ? POLLOUT : POLLIN), 0});
    }
    ::poll(polled.data(), polled.size(), patience(now));
    std::uint64_t rings = 0;
    (void)!::read(bell_, &rings, sizeof rings);
    std::size_t at = 2;
    for (Connection& each : connections_) {
      if (polled[at++].revents != 0) onReady(each);
    }
    takeRendered();
    if (polled[1].revents != 0) acceptSome();
    closeFinished(Clock::now());
  }
  for (const Connection& each : connections_) ::close(each.fd);
}

// Told to stop, and what was promised has been sent.
bool AdminServer::mayEnd(Clock::time_point now) {
  const std::lock_guard guard(mutex_);
  if (!stopping_) return false;
  const auto writes = [](const Connection& each) { return each.state == State::Writing; };
  return now >= endBy_ || std::none_of(connections_.begin(), connections_.end(), writes);
}

// Milliseconds until the next deadline; -1: there is none.
int AdminServer::patience(Clock::time_point now) {
  auto next = Clock::time_point::max();
  {
    const std::lock_guard guard(mutex_);
    if (stopping_) next = endBy_;
  }
  if (acceptAgain_ > now) next = std::min(next, acceptAgain_);
  for (const Connection& each : connections_) {
    if (each.state != State::Rendering) next = std::min(next, each.deadline);
  }
  if (next == Clock::time_point::max()) return -1;
  return static_cast<int>(
      std::max<milliseconds::rep>(0, std::chrono::ceil<milliseconds>(next - now).count()));
}

void AdminServer::acceptSome() {
  for (std::size_t i = 0; i < kAdminMaxConnections; ++i) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    const int fd = ::accept4(listener_.descriptor(), reinterpret_cast<sockaddr*>(&peer), &length,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        acceptAgain_ = Clock::now() + kPauseWhenExhausted;
      return;
    }
    const std::string address = addressOf(peer);
    makeRoomFor(address);
    connections_.push_back({++lastId_, fd, address, State::Reading, Clock::now() + kRequestTimeout, {}, {}});
    onReady(connections_.back());  // a request often comes with its connection
  }
}

// Who has just connected is more likely to be served at once than who has been there for a while.
void AdminServer::makeRoomFor(const std::string& address) {
  const auto same = [&](const Connection& each) { return each.address == address; };
  const auto ofAddress =
      static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(), same));
  auto oldest = connections_.end();
  if (ofAddress >= kAdminMaxPerAddress) {
    oldest = std::find_if(connections_.begin(), connections_.end(), same);
  } else if (connections_.size() >= kAdminMaxConnections) {
    oldest = connections_.begin();
  }
  if (oldest == connections_.end()) return;
  ::close(oldest->fd);
  connections_.erase(oldest);
}

void AdminServer::closeFinished(Clock::time_point now) {
  connections_.remove_if([now](const Connection& each) {
    const bool late = each.state != State::Rendering && now >= each.deadline;
    if (each.state != State::Closed && !late) return false;
    ::close(each.fd);
    return true;
  });
}

void AdminServer::onReady(Connection& connection) {
  switch (connection.state) {
    case State::Reading: return read(connection);
    case State::Writing: return write(connection);
    case State::Leaving: return leave(connection);
    case State::Rendering:
    case State::Closed: return;
  }
}

void AdminServer::read(Connection& connection) {
  std::array<char, 4096> chunk;
  const ssize_t got = ::recv(connection.fd, chunk.data(), chunk.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) {
    connection.state = State::Closed;
    return;
  }
  connection.input.append(chunk.data(), static_cast<std::size_t>(got));
  take(connection);
}

void AdminServer::take(Connection& connection) {
  HttpRequest request;
  HttpHead head = readHead(connection.input, request);
  if (head == HttpHead::NeedMore && connection.input.size() >= kAdminMaxRequestBytes) head = HttpHead::Bad;
  if (head == HttpHead::NeedMore) return;
  if (head == HttpHead::Bad) return answer(connection, httpText(badRequest(), "GET"));
  std::unique_lock lock(mutex_);
  if (refusing_) return answer(connection, httpText(stoppingResponse(), request.method));
  if (isSlow(request.path)) {
    connection.state = State::Rendering;
    ++unanswered_;
    toRender_.push_back({connection.id, std::string(request.method), std::string(request.path), {}});
    changed_.notify_all();
    return;
  }
  lock.unlock();
  answer(connection, httpText(respondTo(pages_, request.method, request.path), request.method));
}

void AdminServer::answer(Connection& connection, std::string text) {
  connection.output = std::move(text);
  connection.state = State::Writing;
  connection.deadline = Clock::now() + kAnswerTimeout;
  write(connection);
}

void AdminServer::write(Connection& connection) {
  while (!connection.output.empty()) {
    const ssize_t sent =
        ::send(connection.fd, connection.output.data(), connection.output.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (sent <= 0) {
      connection.state = State::Closed;
      return;
    }
    connection.output.erase(0, static_cast<std::size_t>(sent));
  }
  ::shutdown(connection.fd, SHUT_WR);
  connection.state = State::Leaving;
  connection.deadline = Clock::now() + kRequestTimeout;
  leave(connection);
}

// Until the other side has closed, too.
void AdminServer::leave(Connection& connection) {
  std::array<char, 4096> chunk;
  for (int i = 0; i < 16; ++i) {
    const ssize_t got = ::recv(connection.fd, chunk.data(), chunk.size(), 0);
    if (got > 0) continue;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    connection.state = State::Closed;
    return;
  }
}

void AdminServer::takeRendered() {
  std::vector<Job> done;
  {
    const std::lock_guard guard(mutex_);
    done.swap(rendered_);
  }
  for (Job& job : done) {
    const auto found = std::find_if(connections_.begin(), connections_.end(),
                                    [&](const Connection& each) { return each.id == job.connection; });
    if (found != connections_.end()) answer(*found, std::move(job.answer));
  }
  if (done.empty()) return;
  const std::lock_guard guard(mutex_);
  unanswered_ -= done.size();
  changed_.notify_all();
}

void AdminServer::render() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !toRender_.empty(); });
    if (stopping_) return;
    Job job = std::move(toRender_.front());
    toRender_.pop_front();
    lock.unlock();
    job.answer = httpText(respondTo(pages_, job.method, job.path), job.method);
    lock.lock();
    rendered_.push_back(std::move(job));
    wake();
  }
}

}  // namespace slotless::telemetry
