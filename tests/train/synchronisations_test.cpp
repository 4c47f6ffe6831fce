// How often a step and its GPU would wait for each other: numbers that are read on the host, extents that depend on values,
// tensors that go from one device to the other (most of them up, from memory that is not pinned). Counted on the CPU by the operators that do such things, so that one more is noticed
// where there is no GPU. The limits are what was counted: lower them with every one that goes.
#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>

#include "tests/train/kd_run.h"

namespace skylift {
namespace {

/// Counts while it lives.
class WaitCounter {
 public:
  WaitCounter() {
    counts().clear();
    handle_ = at::addGlobalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction& function) -> std::unique_ptr<at::ObserverContext> {
          const auto name = function.operator_name();
          if (!name) return nullptr;
          static const std::vector<std::string> waiting = {"aten::_local_scalar_dense",
                                                           "aten::nonzero",
                                                           "aten::masked_select",
                                                           "aten::_unique2",
                                                           "aten::equal",
                                                           "aten::bincount",
                                                           "aten::repeat_interleave"};
          const bool moves = name->name == "aten::to" && name->overload_name == "dtype_layout";
          if (!moves && std::ranges::find(waiting, name->name) == waiting.end()) return nullptr;
          const std::lock_guard lock(mutex());
          ++counts()[moves ? "to another device" : name->name];
          return nullptr;
        }));
  }
  ~WaitCounter() { at::removeCallback(handle_); }
  WaitCounter(const WaitCounter&) = delete;
  WaitCounter& operator=(const WaitCounter&) = delete;

  int total() const {
    int sum = 0;
    for (const auto& [name, count] : counts()) sum += count;
    return sum;
  }
  std::string text() const {
    std::string all;
    for (const auto& [name, count] : counts()) all += name + " " + std::to_string(count) + "  ";
    return all;
  }

 private:
  static std::map<std::string, int>& counts() {
    static std::map<std::string, int> counts;
    return counts;
  }
  static std::mutex& mutex() {
    static std::mutex mutex;
    return mutex;
  }
  at::CallbackHandle handle_;
};

int waits_of(const std::vector<std::string>& methods, int images) {
  const int classes = static_cast<int>(synth_classes().size());
  const RunOptions options = testing::small_run(methods, false);
  testing::KdRun run(options, testing::lively_teacher(16, classes), classes);
  const Batch batch = testing::synth_batch(images, options.data.input);
  run.step(batch);  // what happens once
  const WaitCounter counter;
  sum_finite(run.terms(batch)).total.backward();  // on the CPU, the optimizer's kernel reads its count for each tensor
  std::printf("%d images, %s: %s\n", images, methods.front().c_str(), counter.text().c_str());
  return counter.total();
}

TEST(Synchronisations, AStepHasNoMoreOfThem) {
  EXPECT_LE(waits_of({"bckd"}, 2), 11);
  EXPECT_LE(waits_of({"bckd"}, 8), 11)
      << "as many images, as many waits: something is asked of the device for each image";
  EXPECT_LE(waits_of({"cid"}, 8), 22);
  EXPECT_LE(waits_of({"pkd"}, 8), 8);
}

}  // namespace
}  // namespace skylift
