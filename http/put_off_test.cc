#include "http/put_off.h"

#include <gtest/gtest.h>

#include <future>
#include <optional>
#include <string>
#include <vector>

namespace skiff::http {
namespace {

struct Work {
  std::string of;
  bool is_gone = false;
  const std::string& owner() const { return of; }
  bool IsGone() const { return is_gone; }
};

TEST(PutOff, MayGoBeforeTheTurnsOfWhatWasDropped) {
  Loop loop;
  std::optional<PutOff<Work>> put_off;
  int first = 0;
  int second = 0;
  std::promise<void> done;
  loop.Post([&] {
    put_off.emplace(loop, [&](const auto&) { ++first; });
    std::vector<std::shared_ptr<Work>> works;
    for (int i = 0; i < 8; ++i) {
      works.push_back(std::make_shared<Work>(Work{"ann"}));
      EXPECT_TRUE(put_off->Add(works.back()));
    }
    EXPECT_FALSE(put_off->Add(std::make_shared<Work>(Work{"ann"}))) << "workers have it";
    for (const auto& work : works) work->is_gone = true;
    EXPECT_TRUE(put_off->Add(std::make_shared<Work>(Work{"ann"})));
    // What comes in its place would be taken for it.
    put_off.emplace(loop, [&](const auto&) { ++second; });
    loop.PutOff([&] {
      EXPECT_TRUE(put_off->Add(std::make_shared<Work>(Work{"bob"})));
      loop.PutOff([&] { done.set_value(); });
    });
  });
  done.get_future().wait();
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  loop.Stop();
}

}  // namespace
}  // namespace skiff::http
