#include "dns/poller.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace skiff::dns {

Poller::Poller()
    : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      stop_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      now_(clock_.Monotonic()) {
  CHECK(epoll_fd_ >= 0 && stop_fd_ >= 0);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, stop_fd_, &event) == 0);
}

Poller::~Poller() {
  close(stop_fd_);
  close(epoll_fd_);
}

void Poller::Watch(int fd, uint32_t events, Pollable& listener) {
  epoll_event event{.events = events, .data = {.ptr = &listener}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0);
}

void Poller::Change(int fd, uint32_t events, Pollable& listener) {
  epoll_event event{.events = events, .data = {.ptr = &listener}};
  CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) == 0);
}

void Poller::Close(int fd) {
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr);
  close(fd);
}

void Poller::SetDue(Pollable& listener, Duration due) {
  if (listener.due_ == due) return;
  if (listener.due_ != kNever) due_.erase({listener.due_, &listener});
  listener.due_ = due;
  if (due != kNever) due_.insert({due, &listener});
}

void Poller::Dispose(std::shared_ptr<Pollable> listener) {
  SetDue(*listener, kNever);
  disposed_.push_back(std::move(listener));
}

int Poller::WaitMs() const {
  if (due_.empty()) return -1;
  const Duration left = due_.begin()->first - now_;
  if (left <= Duration::zero()) return 0;
  constexpr Duration kLongest = 60s;
  // Rounded up: waking a moment early would only find nothing due.
  return static_cast<int>((std::min(left, kLongest) + 1ms - 1ns) / 1ms);
}

void Poller::Run() {
  epoll_event events[kEventsPerRound];
  for (bool stop = false; !stop;) {
    now_ = clock_.Monotonic();
    const int count = epoll_wait(epoll_fd_, events, kEventsPerRound, WaitMs());
    CHECK(count >= 0 || errno == EINTR);
    now_ = clock_.Monotonic();
    for (int i = 0; i < count; ++i) {
      if (events[i].data.ptr == nullptr) {
        stop = true;
      } else {
        static_cast<Pollable*>(events[i].data.ptr)->OnReady(events[i].events);
      }
    }
    while (!due_.empty() && due_.begin()->first <= now_) {
      Pollable& listener = *due_.begin()->second;
      SetDue(listener, kNever);
      listener.OnDue();
    }
    disposed_.clear();
  }
}

void Poller::Stop() {
  const uint64_t one = 1;
  (void)!write(stop_fd_, &one, sizeof one);  // Full means that it was rung already.
}

}  // namespace skiff::dns
