#include "cli/input_pump.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <map>
#include <vector>

namespace skiff::cli {
namespace {

// Refuses each kind of thing `refusals` times before it takes one, and says each time that there
// may be room now. Closes when the end has been told.
class NarrowLink final : public RemoteLink {
 public:
  NarrowLink(RemoteState& state, int refusals) : state_(state), refusals_(refusals) {}
  bool SendInput(const std::string& bytes) override { return Take("input " + bytes); }
  bool EndInput() override {
    if (!Take("end")) return false;
    const MutexLock lock(state_.mutex);
    state_.closed = true;
    state_.Signal();
    return true;
  }
  bool SendSize(const std::string& json) override { return Take("size " + json); }
  const std::vector<std::string>& taken() const { return taken_; }

 private:
  bool Take(const std::string& what) {
    state_.Signal();
    int& refused = refused_[what.substr(0, what.find(' '))];
    if (refused++ < refusals_) return false;
    refused = 0;  // The next one has to wait as well.
    taken_.push_back(what);
    return true;
  }

  RemoteState& state_;
  const int refusals_;
  std::map<std::string, int> refused_;
  std::vector<std::string> taken_;
};

class InputPumpTest : public testing::Test {
 protected:
  InputPumpTest() { EXPECT_EQ(pipe2(input_, O_CLOEXEC), 0); }
  ~InputPumpTest() override {
    close(input_[0]);
    if (input_[1] >= 0) close(input_[1]);
  }
  void Type(const std::string& text) {
    ASSERT_EQ(write(input_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void EndTyping() {
    close(input_[1]);
    input_[1] = -1;
  }
  std::vector<std::string> Run(int refusals, InputPump::Options options) {
    auto link = std::make_shared<NarrowLink>(state_, refusals);
    {
      const MutexLock lock(state_.mutex);
      state_.link = link;
    }
    options.input = input_[0];
    options.with_stdin = true;
    InputPump(state_, std::move(options)).Run();
    return link->taken();
  }

  RemoteState state_;
  int input_[2] = {-1, -1};
};

TEST_F(InputPumpTest, WhatIsRefusedIsOfferedAgainAndTheEndComesLast) {
  Type("ls\n");
  EndTyping();
  EXPECT_EQ(Run(3, {}), (std::vector<std::string>{"input ls\n", "end"}));
}

TEST_F(InputPumpTest, ARefusedSizeIsToldAsItIsWhenThereIsRoom) {
  Type("x");
  EndTyping();
  int asked = 0;
  const auto taken = Run(2, {.size = [&] { return std::to_string(++asked); }});
  ASSERT_EQ(taken.size(), 3U);
  EXPECT_EQ(taken.front().substr(0, 5), "size ");
  EXPECT_EQ(taken.front(), "size " + std::to_string(asked)) << "the last one that was looked at";
  EXPECT_EQ(taken.back(), "end");
}

TEST_F(InputPumpTest, OfTwoSizesEachIsToldThoughTheFirstIsRefused) {
  EndTyping();
  EXPECT_EQ(Run(1, {.size = [] { return std::string("80"); },
                    .first_size = [] { return std::string("81"); }}),
            (std::vector<std::string>{"size 81", "size 80", "end"}));
}

TEST_F(InputPumpTest, AnotherSizeIsTold) {
  const int changes = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
  int width = 80;
  const auto drain = [&] {
    uint64_t count = 0;
    ASSERT_EQ(read(changes, &count, sizeof(count)), static_cast<ssize_t>(sizeof(count)));
    width = 100;
    EndTyping();
  };
  const auto size = [&] { return std::to_string(width); };
  EXPECT_EQ(Run(0, {.size = size, .size_changes = changes, .drain_changes = drain}),
            (std::vector<std::string>{"size 80", "size 100", "end"}));
  close(changes);
}

}  // namespace
}  // namespace skiff::cli
