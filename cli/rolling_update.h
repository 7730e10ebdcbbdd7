// The steps of `rolling-update`, and the arithmetic of how far each may go.
#pragma once

#include <string>

#include "cli/writing.h"

namespace skiff::cli {

// Where an update stands.
struct RollingSizes {
  int64_t desired = 0;
  int64_t old_size = 0;
  int64_t new_size = 0;
  int64_t new_available = 0;
  int64_t available_min = 0;  // Of both together.
  int64_t surge_max = 1;      // Above `desired`.
};
// What the new controller may be scaled to now; its own size when nothing is to be done.
int64_t ScaleUpTarget(const RollingSizes& sizes);
// What the old one is to be scaled to; its own size when nothing is to be done.
int64_t ScaleDownTarget(const RollingSizes& sizes);

struct RollingUpdateOptions {
  Duration update_period = 60s;
  Duration poll_interval = 3s;
  Duration timeout = 300s;  // Without any progress.
};

struct ImageChange {
  std::string image;
  std::string container;  // "": the only one.
  std::string pull_policy;
  std::string label_key;
  std::string new_name;  // "": the old one's with a hash.
};
// A copy of `old` with another image, a selector of its own and a name of its own.
Result<Json> ControllerWithImage(const Json& old, const ImageChange& change);

class RollingUpdater {
 public:
  RollingUpdater(Command& command, Session& session, const Resource& controllers,
                 RollingUpdateOptions options);

  Result<Json> Get(const std::string& name);
  // Rolls from `old` to `fresh`, which may exist from an interrupted run. `keep_name`: in the end
  // the new controller gets the old one's name.
  Result<> Update(Json old, Json fresh, bool keep_name);
  // Rolls back from `aborted` to `original`.
  Result<> Rollback(Json aborted, Json original);
  // Tells the old controller's pods apart from those to come (--image).
  Result<Json> AddDeploymentLabel(Json old, const std::string& label_key, const std::string& next);

 private:
  Result<Json> Annotate(const std::string& name, const Json& annotations);
  Result<> ScaleTo(Json& controller, int64_t replicas);
  Result<int64_t> Available(const Json& controller);
  Result<Json> Begin(const Json& old, Json fresh);
  Result<> Loop(Json& old, Json& fresh, int64_t desired);
  Result<> Finish(const Json& old, Json fresh, bool keep_name);
  Result<> Rename(Json controller, const std::string& name);

  Command& command_;
  Session& session_;
  const Resource controllers_;
  const RollingUpdateOptions options_;
};

}  // namespace skiff::cli
