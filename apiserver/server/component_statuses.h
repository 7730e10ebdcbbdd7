// The old way to ask how a control plane fares, which no store keeps: componentstatuses. What
// stands here is asked for when somebody wants to know: the scheduler and the controllers at their
// ports of this machine, unless they are in this process, and the store, as "etcd-0".
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/type.h"
#include "apiserver/storage/store.h"
#include "base/error.h"
#include "http/loop.h"

namespace skiff {

bool IsComponentStatus(const KindInfo& kind);

// Thread-safe; blocks.
class ComponentStatuses {
 public:
  // `within`: the scheduler and the controllers are in this process, and are well as long as it is.
  // `loops`: to ask them otherwise; null: they cannot be asked.
  ComponentStatuses(Store& store, http::Loops* loops, bool within)
      : store_(store), loops_(loops), within_(within) {}

  // JSON text of each of those whose names are selected, asked for now, all at once.
  std::vector<std::string> Texts(
      const std::function<bool(std::string_view name)>& is_selected) const;
  // Of the one with that name; NotFound when there is none.
  Result<std::string> Text(const std::string& name) const;
  // Whether it takes as long as other programs like.
  bool AsksOthers() const { return !within_ && loops_ != nullptr; }

 private:
  Store& store_;
  http::Loops* const loops_;
  const bool within_;
};

}  // namespace skiff
