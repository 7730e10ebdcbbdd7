#include "cli/compose/dependency_order.h"

#include <set>
#include <utility>

namespace skiff::cli::compose {
namespace {

class OrderFinder {
 public:
  explicit OrderFinder(const Node& services) : services_(services) {}

  std::vector<std::string> Find(Mistakes& wrong) {
    for (const Member& member : services_.members) {
      const auto visited = Visit(member.key);
      wrong.Add(visited);
      if (visited) continue;
      order_.clear();
      for (const Member& each : services_.members) order_.push_back(each.key);
      break;
    }
    return std::move(order_);
  }

 private:
  // As deep as there are services: on a stack of our own.
  Result<> Visit(const std::string& first) {
    std::vector<std::pair<std::string, size_t>> stack = {{first, 0}};
    while (!stack.empty()) {
      auto& [name, next] = stack.back();
      if (next == 0 && done_.contains(name)) {
        stack.pop_back();
        continue;
      }
      open_.insert(name);
      const Node& dependencies = services_[name]["depends_on"];
      if (next == dependencies.members.size()) {
        done_.insert(name);
        open_.erase(name);
        order_.push_back(name);
        stack.pop_back();
        continue;
      }
      const Member& dependency = dependencies.members[next++];
      if (open_.contains(dependency.key)) {
        return Wrong(dependency.node,
                     "dependency cycle detected: " + Circle(stack, dependency.key));
      }
      stack.emplace_back(dependency.key, 0);
    }
    return {};
  }

  // "a -> b -> a": of those on the way, from the one that is met again.
  static std::string Circle(const std::vector<std::pair<std::string, size_t>>& stack,
                            const std::string& again) {
    std::string text;
    for (const auto& [name, next] : stack) {
      if (!text.empty() || name == again) text += name + " -> ";
    }
    return text + again;
  }

  const Node& services_;
  std::set<std::string> open_;
  std::set<std::string> done_;
  std::vector<std::string> order_;
};

}  // namespace

std::vector<std::string> DependencyOrder(const Node& services, Mistakes& wrong) {
  return OrderFinder(services).Find(wrong);
}

}  // namespace skiff::cli::compose
