#!/usr/bin/env python3
"""Golden values of the distillation methods: plain Python loops over lists, in double precision, written from the formulas in
docs/methods.md and independent of the C++ code. Writes kd_methods.txt beside this file; the tests of skylift/kd read it.

The scene: B 2 images, one level of H 2 x W 3 cells with stride 8, K 4 feature channels, C 4 classes, R 4 (5 bins a side). Values come
from wave(seed, i), the same in the tests: student 1 (features), 3 (classes), 5 (bins); teacher 2, 4, 6; weights 7 to 9.
"""
import math
import pathlib

B, K, C, R, H, W, STRIDE = 2, 4, 4, 4, 2, 3, 8
CELLS = H * W


def wave(seed, i):
    return 1.5 * math.sin(0.37 * (i + 1) * (seed + 2)) + 0.1 * seed


def map4(seed, channels):
    """[B][channels][cell] as a C-contiguous tensor would hold it."""
    return [[[wave(seed, (b * channels + k) * CELLS + i) for i in range(CELLS)] for k in range(channels)] for b in range(B)]


def softmax(values):
    top = max(values)
    exps = [math.exp(v - top) for v in values]
    return [e / sum(exps) for e in exps]


def kl(q, p):
    return sum(a * (math.log(a) - math.log(b)) for a, b in zip(q, p))


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


fs, ft = map4(1, K), map4(2, K)
cs, ct = map4(3, C), map4(4, C)
bs, bt = map4(5, 4 * (R + 1)), map4(6, 4 * (R + 1))
rows = [(b, i) for b in range(B) for i in range(CELLS)]
golden = {}


def classes(maps, b, i):
    return [maps[b][c][i] for c in range(C)]


def bins(maps, b, i, side):
    return [maps[b][side * (R + 1) + k][i] for k in range(R + 1)]


# LD and logit distillation over all locations.
def mean(values):
    values = list(values)
    return sum(values) / len(values)


def tempered_kl(s, t, temperature):
    return temperature**2 * kl(softmax([v / temperature for v in t]), softmax([v / temperature for v in s]))


def bernoulli(s, t, temperature):
    q, p = sigmoid(t / temperature), sigmoid(s / temperature)
    return temperature**2 * (q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p)))


golden["ld_all"] = mean(sum(tempered_kl(bins(bs, b, i, d), bins(bt, b, i, d), 10) for d in range(4)) for b, i in rows)
golden["logit_bernoulli_all"] = mean(sum(bernoulli(s, t, 1) for s, t in zip(classes(cs, b, i), classes(ct, b, i))) for b, i in rows)
golden["logit_softmax_t2_all"] = mean(tempered_kl(classes(cs, b, i), classes(ct, b, i), 2) for b, i in rows)


# BCKD over all locations, before the division by N_pos.
def quality_focal(z, q, beta):
    p = sigmoid(z)
    return -(q * math.log(p) + (1 - q) * math.log(1 - p)) * abs(q - p) ** beta


def box(maps, b, i):
    distances = [sum(k * p for k, p in enumerate(softmax(bins(maps, b, i, d)))) for d in range(4)]
    return (-distances[0], -distances[1], distances[2], distances[3])


def giou(a, b):
    inter = max(0, min(a[2], b[2]) - max(a[0], b[0])) * max(0, min(a[3], b[3]) - max(a[1], b[1]))
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inter
    around = (max(a[2], b[2]) - min(a[0], b[0])) * (max(a[3], b[3]) - min(a[1], b[1]))
    return inter / union - (around - union) / around


golden["bckd_cls_sum"] = sum(quality_focal(s, sigmoid(t), 1) for b, i in rows for s, t in zip(classes(cs, b, i), classes(ct, b, i)))
golden["bckd_box_sum"] = sum(
    max(abs(sigmoid(t) - sigmoid(s)) for s, t in zip(classes(cs, b, i), classes(ct, b, i))) * (1 - giou(box(bs, b, i), box(bt, b, i)))
    for b, i in rows)


# PKD.
def statistics(maps, k):
    values = [maps[b][k][i] for b, i in rows]
    m = mean(values)
    return m, math.sqrt(sum((v - m) ** 2 for v in values) / (len(values) - 1))


def standard(maps):
    stats = [statistics(maps, k) for k in range(K)]
    return [[[(v - stats[k][0]) / (stats[k][1] + 1e-6) for v in maps[b][k]] for k in range(K)] for b in range(B)]


ss, st = standard(fs), standard(ft)
golden["pkd"] = mean((ss[b][k][i] - st[b][k][i]) ** 2 / 2 for b, i in rows for k in range(K))

# CrossKD's alignment: the sum of squares of the student's map with the teacher's statistics.
golden["crosskd_align_squares"] = sum(
    ((fs[b][k][i] - statistics(fs, k)[0]) / (statistics(fs, k)[1] + 1e-6) * statistics(ft, k)[1] + statistics(ft, k)[0]) ** 2
    for b, i in rows for k in range(K))

# CWD on the class maps; weighted: cells counted by weights[b][cell], no cell of image 1 in the region.
golden["cwd_t1"] = sum(tempered_kl(cs[b][c], ct[b][c], 1) for b in range(B) for c in range(C)) / (B * C)
golden["cwd_t3"] = sum(tempered_kl(cs[b][c], ct[b][c], 3) for b in range(B) for c in range(C)) / (B * C)
cell_weights = [[0.5, 0, 2, 1, 0, 0.25], [0] * CELLS]


def weighted_softmax(values, weights):
    exps = [w * math.exp(v) for v, w in zip(values, weights)]
    return [e / sum(exps) for e in exps]


total = 0
for c in range(C):
    q, p = weighted_softmax(ct[0][c], cell_weights[0]), weighted_softmax(cs[0][c], cell_weights[0])
    total += sum(a * math.log(a / b) for a, b in zip(q, p) if a > 0)
golden["cwd_weighted"] = total / (B * C)


# DIST on the rows of class probabilities; weighted by 1, 2, 3, ...
def pearson(a, b, weights):
    share = [w / sum(weights) for w in weights]
    ma, mb = sum(w * x for w, x in zip(share, a)), sum(w * x for w, x in zip(share, b))
    cov = sum(w * (x - ma) * (y - mb) for w, x, y in zip(share, a, b))
    va, vb = sum(w * (x - ma) ** 2 for w, x in zip(share, a)), sum(w * (y - mb) ** 2 for w, y in zip(share, b))
    return cov / math.sqrt(va * vb)


ys, yt = [softmax(classes(cs, b, i)) for b, i in rows], [softmax(classes(ct, b, i)) for b, i in rows]
for name, row_weights in (("", [1] * len(rows)), ("_weighted", [n + 1 for n in range(len(rows))])):
    golden["dist_inter" + name] = sum(w * (1 - pearson(s, t, [1] * C)) for w, s, t in zip(row_weights, ys, yt)) / sum(row_weights)
    golden["dist_intra" + name] = mean(1 - pearson([r[c] for r in ys], [r[c] for r in yt], row_weights) for c in range(C))

# FitNet over all locations.
golden["fitnet_all"] = mean((fs[b][k][i] - ft[b][k][i]) ** 2 for b, i in rows for k in range(K))


# MGD with nothing hidden. Convolution weights [out][in][3][3] and biases from waves 8 and 9, both layers alike.
def conv3(maps):
    out = []
    for b in range(B):
        out.append([])
        for o in range(K):
            cells = []
            for y in range(H):
                for x in range(W):
                    value = wave(9, o)
                    for k in range(K):
                        for dy in range(3):
                            for dx in range(3):
                                yy, xx = y + dy - 1, x + dx - 1
                                if 0 <= yy < H and 0 <= xx < W:
                                    value += wave(8, ((o * K + k) * 3 + dy) * 3 + dx) * maps[b][k][yy * W + xx]
                    cells.append(value)
            out[b].append(cells)
    return out


hidden = [[[max(v, 0) for v in channel] for channel in image] for image in conv3(fs)]
generated = conv3(hidden)
golden["mgd_sum"] = sum((generated[b][k][i] - ft[b][k][i]) ** 2 for b, i in rows for k in range(K))


# FGD: image 0 has the boxes (2,3,12,9) and (1,1,6,6) px, image 1 none.
def attention(maps, b, temperature=0.5):
    cells = [CELLS * p for p in softmax([mean(abs(maps[b][k][i]) for k in range(K)) / temperature for i in range(CELLS)])]
    channels = [K * p for p in softmax([mean(abs(v) for v in maps[b][k]) / temperature for k in range(K)])]
    return cells, channels


def foreground(boxes):
    mask = [0.0] * CELLS
    for x1, y1, x2, y2 in boxes:
        top, bottom, left, right = (math.floor(y1 / STRIDE), math.ceil(y2 / STRIDE), math.floor(x1 / STRIDE), math.ceil(x2 / STRIDE))
        share = 1 / ((bottom - top + 1) * (right - left + 1))
        for y in range(top, min(bottom, H - 1) + 1):
            for x in range(left, min(right, W - 1) + 1):
                mask[y * W + x] = max(mask[y * W + x], share)
    return mask


def context(maps, b, seed):
    """Parameters from the waves seed..seed+7: mask weight, bias; narrow weight, bias; norm weight, bias; widen weight, bias."""
    inner_size = K // 2
    mask = softmax([wave(seed + 1, 0) + sum(wave(seed, k) * maps[b][k][i] for k in range(K)) for i in range(CELLS)])
    ctx = [sum(m * maps[b][k][i] for i, m in enumerate(mask)) for k in range(K)]
    inner = [wave(seed + 3, n) + sum(wave(seed + 2, n * K + k) * ctx[k] for k in range(K)) for n in range(inner_size)]
    centre = mean(inner)
    spread = math.sqrt(mean((v - centre) ** 2 for v in inner) + 1e-5)
    active = [max(wave(seed + 4, n) * (v - centre) / spread + wave(seed + 5, n), 0) for n, v in enumerate(inner)]
    change = [wave(seed + 7, k) + sum(wave(seed + 6, k * inner_size + n) * a for n, a in enumerate(active)) for k in range(K)]
    return [[maps[b][k][i] + change[k] for i in range(CELLS)] for k in range(K)]


all_boxes = [[(2, 3, 12, 9), (1, 1, 6, 6)], []]
golden.update(dict.fromkeys(("fgd_foreground_sum", "fgd_background_sum", "fgd_attention_sum", "fgd_relation_sum", "fgd_mask_sum"), 0.0))
for b in range(B):
    (s_cells, s_channels), (t_cells, t_channels) = attention(fs, b), attention(ft, b)
    mask = foreground(all_boxes[b])
    outside = [1.0 if m == 0 else 0.0 for m in mask]
    for i in range(CELLS):
        error = sum((fs[b][k][i] - ft[b][k][i]) ** 2 * t_channels[k] for k in range(K)) * t_cells[i]
        golden["fgd_foreground_sum"] += error * mask[i]
        golden["fgd_background_sum"] += error * outside[i] / max(sum(outside), 1)
    golden["fgd_mask_sum"] += sum(mask)
    golden["fgd_attention_sum"] += sum(abs(x - y) for x, y in zip(s_cells + s_channels, t_cells + t_channels))
    rs, rt = context(fs, b, 20), context(ft, b, 40)
    golden["fgd_relation_sum"] += sum((rs[k][i] - rt[k][i]) ** 2 for k in range(K) for i in range(CELLS))



# CrossKD: both heads have two tower convolutions of K channels with group norm in two groups; the student's first, alignment, then the
# teacher's second and its predictors. Over all locations; before the division by N_pos (classes), after that by the scores (boxes).
def weight(seed, i):
    """Small and without an offset: wave's size would drive every sigmoid to its end."""
    return 0.2 * math.sin(0.37 * (i + 1) * (seed + 2))


def conv3x3(maps, seed, outputs, bias=None):
    inputs, result = len(maps[0]), [[[0.0] * CELLS for _ in range(outputs)] for _ in range(B)]
    for b in range(B):
        for o in range(outputs):
            for y in range(H):
                for x in range(W):
                    total = 0.0 if bias is None else weight(bias, o)
                    for k in range(inputs):
                        for dy in range(3):
                            for dx in range(3):
                                yy, xx = y + dy - 1, x + dx - 1
                                if 0 <= yy < H and 0 <= xx < W:
                                    total += weight(seed, ((o * inputs + k) * 3 + dy) * 3 + dx) * maps[b][k][yy * W + xx]
                    result[b][o][y * W + x] = total
    return result


def group_norm(maps, seed):
    """Affine part: 1 + weight(seed), weight(seed + 1)."""
    result = []
    for image in maps:
        normed = []
        for k, values in enumerate(image):
            members = [v for j in range(K) if j // (K // 2) == k // (K // 2) for v in image[j]]
            centre = mean(members)
            spread = math.sqrt(mean((v - centre) ** 2 for v in members) + 1e-5)
            normed.append([(1 + weight(seed, k)) * (v - centre) / spread + weight(seed + 1, k) for v in values])
        result.append(normed)
    return result


def relu(maps):
    return [[[max(v, 0.0) for v in values] for values in image] for image in maps]


def tower(maps, seed):
    return group_norm(conv3x3(maps, seed, K), seed + 1)


def aligned(student, teacher):
    def stats(maps, k):
        values = [maps[b][k][i] for b, i in rows]
        return mean(values), math.sqrt(sum((v - mean(values)) ** 2 for v in values) / (len(values) - 1))

    of_s, of_t = [stats(student, k) for k in range(K)], [stats(teacher, k) for k in range(K)]
    return [[[(v - of_s[k][0]) / (of_s[k][1] + 1e-6) * of_t[k][1] + of_t[k][0] for v in student[b][k]] for k in range(K)] for b in range(B)]


SCALE = 1.25  # the teacher's level scale
cross_cls = relu(tower(relu(aligned(tower(fs, 30), tower(ft, 40))), 46))
cross_reg = relu(tower(relu(aligned(tower(fs, 33), tower(ft, 43))), 49))
cross_c = conv3x3(cross_cls, 52, C, bias=53)
cross_b = [[[SCALE * v for v in values] for values in image] for image in conv3x3(cross_reg, 54, 4 * (R + 1), bias=55)]
golden["crosskd_cls_sum"] = sum(quality_focal(z, sigmoid(t), 1) for b, i in rows for z, t in zip(classes(cross_c, b, i), classes(ct, b, i)))
scores = [max(sigmoid(t) for t in classes(ct, b, i)) for b, i in rows]
golden["crosskd_box"] = sum(
    score * mean(tempered_kl(bins(cross_b, b, i, d), bins(bt, b, i, d), 1) for d in range(4)) for score, (b, i) in zip(scores, rows)) / sum(scores)

path = pathlib.Path(__file__).with_suffix(".txt")
path.write_text("".join(f"{name} {value:.15g}\n" for name, value in golden.items()))
print(path.read_text(), end="")
