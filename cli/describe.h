// What `describe` knows of single kinds. Events are not written here.
#pragma once

#include "cli/describe_pod.h"
#include "cli/session.h"

namespace skiff::cli {

struct DescribeContext {
  Session& session;
  TimePoint now;
  bool show_events = true;
};

void DescribeConfigMap(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeSecret(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeNamespace(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeClaim(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeVolume(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeService(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeNode(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeDeployment(DescribeWriter& out, DescribeContext& context, const Json& object);
// Replica sets and replication controllers.
void DescribeReplicas(DescribeWriter& out, DescribeContext& context, const Json& object);
void DescribeJob(DescribeWriter& out, DescribeContext& context, const Json& object);

}  // namespace skiff::cli
