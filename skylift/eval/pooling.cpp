#include "skylift/eval/pooling.h"

#include <algorithm>
#include <atomic>
#include <limits>

#include "skylift/core/parallel.h"

namespace skylift {
namespace {

constexpr size_t images_a_task = 32;

struct Counts {
  std::array<std::atomic<int64_t>, max_areas> positives{};
  std::atomic<int64_t> objects{0}, images{0};
};

/// Works through images one after the other and keeps its buffers.
class ImageWorker {
 public:
  ImageWorker(const Rules& rules, std::vector<Counts>& counts, std::vector<Judged>& judged)
      : rules_(rules), counts_(counts), judged_(judged), matcher_(rules.thresholds, rules.areas) {}

  void work(size_t image) {
    prepared_.clear();
    rules_.prepare(image, prepared_);
    rank_rows();
    std::stable_sort(prepared_.truths.begin(), prepared_.truths.end(),
                     [](const auto& a, const auto& b) { return a.class_index < b.class_index; });
    size_t truth = 0, row = 0;
    while (truth < prepared_.truths.size() || row < ranked_.size()) {
      const int of_truth =
          truth < prepared_.truths.size() ? prepared_.truths[truth].class_index : std::numeric_limits<int>::max();
      const int of_row = row < ranked_.size() ? ranked_[row].class_index : std::numeric_limits<int>::max();
      judge_class(std::min(of_truth, of_row), truth, row);
    }
  }

 private:
  struct Ranked {
    double score;
    int class_index;
    uint32_t row;  // in PreparedImage::rows
    int32_t rank;
  };

  /// Rows by class, then by score; without those beyond the largest limit.
  void rank_rows() {
    const auto& rows = prepared_.rows;
    ranked_.clear();
    for (uint32_t i = 0; i < rows.size(); ++i) ranked_.push_back({rows[i].score, rows[i].class_index, i, 0});
    const auto by_score = [](const Ranked& a, const Ranked& b) {
      return a.score != b.score ? a.score > b.score : a.row < b.row;
    };
    if (!rules_.limit_each_class) {
      std::sort(ranked_.begin(), ranked_.end(), by_score);
      for (size_t i = 0; i < ranked_.size(); ++i) ranked_[i].rank = static_cast<int32_t>(i);
    }
    std::sort(ranked_.begin(), ranked_.end(), [&](const Ranked& a, const Ranked& b) {
      return a.class_index != b.class_index ? a.class_index < b.class_index : by_score(a, b);
    });
    if (rules_.limit_each_class) {
      for (size_t i = 0; i < ranked_.size(); ++i) {
        ranked_[i].rank = i > 0 && ranked_[i].class_index == ranked_[i - 1].class_index ? ranked_[i - 1].rank + 1 : 0;
      }
    }
    if (!rules_.max_dets.empty()) {
      std::erase_if(ranked_, [&](const Ranked& row) { return row.rank >= rules_.max_dets.back(); });
    }
  }

  /// Takes the class's objects and rows from the two positions and moves them on.
  void judge_class(int class_index, size_t& truth, size_t& row) {
    truths_.clear();
    detections_.clear();
    const size_t first_truth = truth, first_row = row;
    for (; truth < prepared_.truths.size() && prepared_.truths[truth].class_index == class_index; ++truth) {
      truths_.push_back(prepared_.truths[truth].match);
    }
    for (; row < ranked_.size() && ranked_[row].class_index == class_index; ++row) {
      detections_.push_back(prepared_.rows[ranked_[row].row].match);
    }
    if (class_index < 0) return;  // of no class: they only take places in the list
    count(class_index, std::span(prepared_.truths).subspan(first_truth, truth - first_truth));
    const auto outcomes = matcher_.match(truths_, detections_);
    for (size_t i = 0; i < detections_.size(); ++i) {
      Judged one{ranked_[first_row + i].score, class_index, ranked_[first_row + i].rank, {}};
      std::copy_n(outcomes.begin() + static_cast<long>(i) * rules_.areas, rules_.areas, one.outcomes.begin());
      judged_.push_back(one);
    }
  }

  void count(int class_index, std::span<const PreparedImage::Truth> truths) {
    if (truths.empty()) return;
    auto& counts = counts_[static_cast<size_t>(class_index)];
    counts.images.fetch_add(1, std::memory_order_relaxed);
    counts.objects.fetch_add(static_cast<int64_t>(truths.size()), std::memory_order_relaxed);
    for (int a = 0; a < rules_.areas; ++a) {
      const auto positives = std::count_if(truths.begin(), truths.end(),
                                           [&](const auto& one) { return !(one.match.ignored_in >> a & 1); });
      counts.positives[a].fetch_add(positives, std::memory_order_relaxed);
    }
  }

  const Rules& rules_;
  std::vector<Counts>& counts_;
  std::vector<Judged>& judged_;
  Matcher matcher_;
  PreparedImage prepared_;
  std::vector<Ranked> ranked_;
  std::vector<MatchTruth> truths_;
  std::vector<MatchDetection> detections_;
};

/// One list grouped by class, in the order of the tasks within a class.
Pools group_by_class(std::vector<std::vector<Judged>>& tasks, std::vector<Counts>& counts) {
  Pools pools;
  pools.classes.resize(counts.size());
  std::vector<size_t> next(counts.size() + 1);
  for (const auto& task : tasks) {
    for (const auto& one : task) ++next[static_cast<size_t>(one.class_index) + 1];
  }
  for (size_t k = 1; k < next.size(); ++k) next[k] += next[k - 1];
  pools.judged.resize(next.back());
  for (size_t k = 0; k < counts.size(); ++k) {
    pools.classes[k].judged = std::span(pools.judged).subspan(next[k], next[k + 1] - next[k]);
  }
  for (auto& task : tasks) {
    for (const auto& one : task) pools.judged[next[static_cast<size_t>(one.class_index)]++] = one;
    std::vector<Judged>().swap(task);
  }
  return pools;
}

}  // namespace

Pools pool_detections(std::span<const size_t> images, int classes, const Rules& rules, int threads) {
  std::vector<Counts> counts(static_cast<size_t>(classes));
  std::vector<std::vector<Judged>> tasks((images.size() + images_a_task - 1) / images_a_task);
  parallel_for(tasks.size(), threads, [&](size_t task) {
    ImageWorker worker(rules, counts, tasks[task]);
    const auto mine =
        images.subspan(task * images_a_task, std::min(images_a_task, images.size() - task * images_a_task));
    for (const size_t image : mine) worker.work(image);
  });
  Pools pools = group_by_class(tasks, counts);
  parallel_for(pools.classes.size(), threads, [&](size_t k) {
    auto& pool = pools.classes[k];
    std::stable_sort(pool.judged.begin(), pool.judged.end(),
                     [](const Judged& a, const Judged& b) { return a.score > b.score; });
    for (size_t a = 0; a < max_areas; ++a) pool.positives[a] = counts[k].positives[a];
    pool.objects = counts[k].objects;
    pool.images = counts[k].images;
  });
  return pools;
}

}  // namespace skylift
