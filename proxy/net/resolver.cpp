#include "proxy/net/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace slotless::net {

namespace {

Resolution resolutionOf(const addrinfo* first) {
  Resolution resolution;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const addrinfo* entry = first; entry != nullptr; entry = entry->ai_next) {
      char text[NI_MAXHOST];
      if (entry->ai_family != family || getnameinfo(entry->ai_addr, entry->ai_addrlen, text, sizeof(text),
                                                    nullptr, 0, NI_NUMERICHOST) != 0) {
        continue;
      }
      if (std::find(resolution.addresses.begin(), resolution.addresses.end(), text) ==
          resolution.addresses.end()) {
        resolution.addresses.emplace_back(text);
      }
    }
  }
  return resolution;
}

Resolution lookUpBySystem(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) return {{}, gai_strerror(status)};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owned(found, &freeaddrinfo);
  return resolutionOf(found);
}

// Signals are for the thread that waits for them.
void beginThread() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), "resolver");
}

}  // namespace

struct Resolver::State {
  LookUp lookUp;
  std::mutex mutex;
  bool gone = false;
  int threads = 0;
  std::deque<std::string> queue;                        // to be looked up
  std::map<std::string, std::vector<Callback>> asking;  // for each name, queued or under way
};

Resolver::Resolver(LookUp lookUp) : state_(std::make_shared<State>()) {
  state_->lookUp = std::move(lookUp);
}

Resolver::~Resolver() {
  const std::lock_guard guard(state_->mutex);
  state_->gone = true;
  state_->queue.clear();
  state_->asking.clear();
}

Resolver& Resolver::ofProcess() {
  static auto* const kInstance = new Resolver(lookUpBySystem);
  return *kInstance;
}

void Resolver::resolve(const std::string& host, Callback callback) {
  {
    const std::lock_guard guard(state_->mutex);
    std::vector<Callback>& asking = state_->asking[host];
    asking.push_back(std::move(callback));
    if (asking.size() > 1) return;
    state_->queue.push_back(host);
    if (state_->threads == kThreads) return;
    ++state_->threads;
  }
  try {
    std::thread([state = state_] {
      beginThread();
      work(state);
    }).detach();
  } catch (const std::system_error& failure) {
    std::vector<Callback> refused;
    {
      const std::lock_guard guard(state_->mutex);
      if (--state_->threads > 0) return;  // one of the others takes it
      std::erase(state_->queue, host);
      refused = std::move(state_->asking.extract(host).mapped());
    }
    for (const Callback& each : refused) each({{}, failure.what()});
  }
}

void Resolver::work(const std::shared_ptr<State>& state) {
  std::unique_lock guard(state->mutex);
  while (!state->queue.empty()) {
    const std::string host = std::move(state->queue.front());
    state->queue.pop_front();
    guard.unlock();
    const Resolution resolution = state->lookUp(host);
    guard.lock();
    if (state->gone) break;
    const auto asking = state->asking.extract(host);
    // Under the lock: the resolver, and with it who asks, is there until all have been told.
    for (const Callback& each : asking.mapped()) each(resolution);
  }
  --state->threads;
}

}  // namespace slotless::net
