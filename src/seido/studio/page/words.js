/* Every text of the page in its languages, and putting them into place. */
const en = {
  views: "Views", language: "Language", make: "Make", see: "See", compare: "Compare", live: "Live",
  speak: "Speak", stopSpeaking: "Stop", latency: "sound to picture", median: "median", latest: "95 of 100 within", ms: "{n} ms",
  lookAhead: "of it, waiting for what follows", computing: "of it, computing", leftOut: "frames left out",
  liveHow: "The picture follows the microphone. Nothing is kept. The times are from the page hearing the sound to the page drawing the picture: what the microphone and the screen take comes on top. A machine that is too slow leaves frames out.",
  speech: "Speech", dropSpeech: "Drop a recording here: any sound file, or a movie with sound.",
  chooseFile: "Choose a file", record: "Record", stopRecording: "Stop", orSample: "or take a sample of the phantom:",
  listen: "Listen", stop: "Stop", otherSpeech: "Other speech", seconds: "{n} s",
  firstFrame: "First frame", dropFrame: "or your own picture or movie: drop it here.", frameNumber: "Frame",
  regionHelp: "Region that moves. Drag to draw it; arrow keys move it, with shift they size it.",
  region: "Moves", width: "width", height: "height", findTract: "Find the tract", wholeFrame: "Whole frame",
  regionFound: "Found by the model. Draw on the picture to choose another.", regionDrawn: "Drawn by you.",
  regionNone: "No vocal tract was found: draw the region that moves.", regionLooking: "Looking for the vocal tract …",
  noHead: "This does not look like a head seen from the side; what moves will mean nothing.",
  looksRight: "This head looks right; the model knows heads that look left. Turn on “mirror”.",
  movie: "Movie", model: "Model", denoise: "Lower the scanner’s noise first",
  doubt: "Colour orange where the model guesses (five times as long)",
  flip: "The head looks right: mirror it for the model", makeMovie: "Make the movie",
  modelFacts: "{network}, {pixels} pixels, {rate} frames/s.", trainedOn: "Trained on: {notes}.",
  needSpeech: "Choose speech first.", needFrame: "Choose a first frame.", needRegion: "Draw the region that moves.",
  noModel: "There is no model. Train one with `seido train`, and start `seido studio --models FOLDER`.",
  yourMovies: "Your movies", shelfEmpty: "What you make or open appears here.",
  kept: "Everything here stays on this computer’s studio and is deleted after {n} hours, or when you delete it.",
  waiting: "in line, {n} before it", waitingNext: "next in line", starting: "starting", stage_speech: "reading the speech",
  stage_model: "loading the model", stage_frames: "frame {done} of {total}", stage_scores: "comparing", stage_start: "starting",
  failed: "not made", cancelled: "cancelled", cancel: "Cancel", remove: "Delete", open: "See", withThis: "Compare",
  made: "{frame}, {model}", frames: "{n} frames", gone: "Deleted: its time was over, or the studio was closed.",
  openMovie: "Open a movie", seeEmpty: "No movie yet.", seeEmptyHow: "Make one, open one of yours, or take a sample.",
  A1_en_001: "English, adolescent", F1_zh_001: "Mandarin, woman", M1_ja_001: "Japanese, man",
  loading: "Loading …", decoding: "Reading {name} …",
  onPicture: "On the picture", kymographLine: "Kymograph’s line", articulators: "Articulators’ regions",
  labels: "Labels", openTextGrid: "Open a TextGrid", labelText: "Label", labelSelection: "Label the selection",
  takeHome: "Take home", exporting: "Writing {what} …", exported: "{what} is saved.", gifCut: "The GIF has the first {n} frames.",
  seeKeys: "Space plays. ← → step a frame, with shift five; Home and End. Drag in a track to select, L loops, Escape ends it. [ and ] set the selection’s ends, + and − zoom. Drag on the picture to lay the kymograph’s line.",
  play: "Play", pause: "Pause", back: "One frame back", on: "One frame on", speed: "Speed", loop: "Loop", zoomIn: "Zoom in",
  zoomOut: "Zoom out", zoomAll: "All", zoomSelection: "Zoom to the selection", pan: "Part shown",
  where: "frame {frame} of {frames} · {time} s", sound: "Sound", waveform: "Waveform", spectrogram: "Spectrogram", kHz: "0–8 kHz",
  kymograph: "Kymograph", series: "Brightness", lips: "lips", tongue_tip: "tongue tip", tongue_body: "tongue body", velum: "velum",
  noSound: "This movie has no sound.", nothingMoves: "Nothing moves here, so no articulator can be placed.",
  factName: "name", factSize: "size", factLength: "length", factRate: "frames/s", factModel: "model", factFrame: "first frame",
  factSpeech: "speech", factRemarks: "remarks", factDenoised: "noise lowered", generated: "generated", opened: "as sent",
  template: "scanner’s lines", spectral: "steady noise",
  first: "First (true)", other: "Other", compareEmpty: "Choose two movies.",
  compareEmptyHow: "An original and a generated one, two speakers’ rendering of a sentence, a learner and a model.",
  differenceNote: "other − first: grey agrees, bright is more tissue, dark is less", fitted: "The other movie was fitted in {what}; {n} frames were scored.",
  fit_rate: "frame rate", fit_size: "size", fit_length: "length", scoresOf: "scored against the first movie",
  row_generated: "other movie", row_first_frame: "first movie’s first frame, still", row_mean_frame: "first movie’s mean frame, still",
  ssim: "SSIM ↑", nmse: "NMSE ↓", motion_correlation: "motion correlation ↑", lag_ms: "lag, ms → 0",
  scoresNote: "Pictures and speech are taken as beginning together. A still picture knows nothing of the speech: what it scores is no merit.",
  scoring: "Scoring …", noSize: "The movies differ in size: the other one is drawn at the first one’s.",
  caution: "A generated movie shows what a network expects. It is no measurement of anybody’s vocal tract.",
  noMicrophone: "The microphone cannot be used: {why}", insecure: "browsers allow it on localhost or over https alone.",
  problem: "That did not work", offline: "The studio does not answer. Is it still running?", tryAgain: "Try again", close: "Close",
};
const ja = {
  views: "画面", language: "言語", make: "作る", see: "見る", compare: "比べる", live: "ライブ",
  speak: "話す", stopSpeaking: "止める", latency: "音から絵まで", median: "中央値", latest: "100 回中 95 回はこれ以内", ms: "{n} ミリ秒",
  lookAhead: "うち、先の音を待つ時間", computing: "うち、計算", leftOut: "省いたフレーム",
  liveHow: "マイクの音に合わせて絵が動きます。何も保存しません。時間は、頁が音を受け取ってから絵を描くまでです。マイクと画面にかかる時間は含みません。遅い機械ではフレームを省きます。",
  speech: "音声", dropSpeech: "録音をここにドロップしてください。音声ファイル、または音声つきの動画。",
  chooseFile: "ファイルを選ぶ", record: "録音する", stopRecording: "止める", orSample: "ファントムの見本：",
  listen: "聞く", stop: "止める", otherSpeech: "別の音声", seconds: "{n} 秒",
  firstFrame: "最初のフレーム", dropFrame: "自分の画像や動画をここにドロップ：", frameNumber: "フレーム",
  regionHelp: "動く領域。ドラッグで描きます。矢印キーで移動、shift つきで大きさを変えます。",
  region: "動く領域", width: "幅", height: "高さ", findTract: "声道を探す", wholeFrame: "全体",
  regionFound: "モデルが見つけた領域です。画像の上で描き直せます。", regionDrawn: "あなたが描いた領域です。",
  regionNone: "声道が見つかりません。動く領域を描いてください。", regionLooking: "声道を探しています…",
  noHead: "横から見た頭部には見えません。動きに意味はありません。",
  looksRight: "この頭部は右を向いています。モデルは左向きで学習しました。「左右反転」を使ってください。",
  movie: "動画", model: "モデル", denoise: "先に撮像装置の雑音を減らす",
  doubt: "モデルの推測が不確かな所を橙色で示す（5倍の時間）",
  flip: "頭部が右向き：左右反転してモデルに渡す", makeMovie: "動画を作る",
  modelFacts: "{network}、{pixels} 画素、毎秒 {rate} フレーム。", trainedOn: "学習データ：{notes}。",
  needSpeech: "まず音声を選んでください。", needFrame: "最初のフレームを選んでください。", needRegion: "動く領域を描いてください。",
  noModel: "モデルがありません。`seido train` で学習し、`seido studio --models フォルダ` で起動してください。",
  yourMovies: "あなたの動画", shelfEmpty: "作った動画、開いた動画がここに並びます。",
  kept: "すべてこのスタジオの中だけに置かれ、{n} 時間後、または削除したときに消えます。",
  waiting: "順番待ち（前に {n} 件）", waitingNext: "次の順番です", starting: "開始しています", stage_speech: "音声を読んでいます",
  stage_model: "モデルを読み込んでいます", stage_frames: "{total} 枚中 {done} 枚", stage_scores: "比べています", stage_start: "開始しています",
  failed: "作れませんでした", cancelled: "中止しました", cancel: "中止", remove: "削除", open: "見る", withThis: "比べる",
  made: "{frame}、{model}", frames: "{n} フレーム", gone: "削除されました。期限が過ぎたか、スタジオが閉じられました。",
  openMovie: "動画を開く", seeEmpty: "動画がまだありません。", seeEmptyHow: "作るか、手持ちの動画を開くか、見本を使ってください。",
  A1_en_001: "英語・若者", F1_zh_001: "中国語・女性", M1_ja_001: "日本語・男性",
  loading: "読み込み中…", decoding: "{name} を読んでいます…",
  onPicture: "画像の上に", kymographLine: "カイモグラフの線", articulators: "調音器官の領域",
  labels: "ラベル", openTextGrid: "TextGrid を開く", labelText: "ラベル", labelSelection: "選択範囲につける",
  takeHome: "書き出す", exporting: "{what} を書いています…", exported: "{what} を保存しました。", gifCut: "GIF は最初の {n} フレームです。",
  seeKeys: "スペースで再生。← → で 1 フレーム、shift つきで 5 フレーム。Home と End。トラックの上をドラッグして選択、L で繰り返し、Escape で解除。[ と ] で選択の両端、+ と − で拡大縮小。画像の上のドラッグでカイモグラフの線を引きます。",
  play: "再生", pause: "停止", back: "1 フレーム戻る", on: "1 フレーム進む", speed: "速さ", loop: "繰り返し", zoomIn: "拡大",
  zoomOut: "縮小", zoomAll: "全体", zoomSelection: "選択範囲を拡大", pan: "表示範囲",
  where: "{frames} 枚中 {frame} 枚目 · {time} 秒", sound: "音", waveform: "波形", spectrogram: "スペクトログラム", kHz: "0–8 kHz",
  kymograph: "カイモグラフ", series: "明るさ", lips: "唇", tongue_tip: "舌先", tongue_body: "舌背", velum: "口蓋帆",
  noSound: "この動画には音がありません。", nothingMoves: "動きがないので、調音器官を置けません。",
  factName: "名前", factSize: "大きさ", factLength: "長さ", factRate: "フレーム/秒", factModel: "モデル", factFrame: "最初のフレーム",
  factSpeech: "音声", factRemarks: "注意", factDenoised: "減らした雑音", generated: "生成", opened: "送られたまま",
  template: "装置の線スペクトル", spectral: "定常雑音",
  first: "第一（正解）", other: "第二", compareEmpty: "動画を二つ選んでください。",
  compareEmptyHow: "元の動画と生成した動画、同じ文の二人の発話、学習者と手本など。",
  differenceNote: "第二 − 第一：灰色は一致、明るいほど組織が多く、暗いほど少ない", fitted: "第二の動画の{what}を合わせました。{n} フレームを採点。",
  fit_rate: "フレームレート", fit_size: "大きさ", fit_length: "長さ", scoresOf: "第一の動画に対する得点",
  row_generated: "第二の動画", row_first_frame: "第一の最初のフレーム（静止）", row_mean_frame: "第一の平均フレーム（静止）",
  ssim: "SSIM ↑", nmse: "NMSE ↓", motion_correlation: "動きの相関 ↑", lag_ms: "遅れ (ms) → 0",
  scoresNote: "二つの動画は同時に始まるものとします。静止画は音声を知りません。その得点は実力ではありません。",
  scoring: "採点しています…", noSize: "大きさが違うので、第二を第一の大きさで描いています。",
  caution: "生成された動画はネットワークの予想であり、誰かの声道の測定ではありません。",
  noMicrophone: "マイクを使えません：{why}", insecure: "ブラウザは localhost か https でのみ許可します。",
  problem: "うまくいきませんでした", offline: "スタジオが応答しません。動いていますか。", tryAgain: "もう一度", close: "閉じる",
  code_unknown_kind: "音声、動画、画像、TextGrid のどれでもありません。wav、flac、mp3、mp4、avi、mkv、PNG、JPEG、TIFF、TextGrid を送ってください。",
  code_unreadable: "ファイルを読めません。壊れているか、途中で切れています：", code_wrong_kind: "種類が違います：", code_too_many_bytes: "大きすぎます（上限 {limit} バイト）。",
  code_too_long: "長すぎます（上限 {limit} 秒）。分けてください。", code_too_many_pixels: "画像が大きすぎます。小さくしてください。",
  code_too_large: "大きすぎます。短くするか小さくしてください。", code_queue_full: "順番待ちがいっぱいです。あとでもう一度。",
  code_store_full: "置き場所がいっぱいです。動画を削除してください。", code_not_found: "見つかりません。削除されたか、期限が過ぎました。",
  code_nothing_moves: "動きがないので、調音器官を置けません。", code_out_of_memory: "メモリが足りません。小さくしてください。",
  code_out_of_time: "時間がかかりすぎました。短くしてください。", code_died: "処理が異常終了しました。ファイルを書き出し直してください。",
  code_no_token: "トークンが必要です。`seido studio` が示したアドレスを開いてください。", code_internal: "スタジオの誤りです。もう一度試してください。",
};
const tables = { en, ja };
const KEY = "seido-language";
let language = stored() || (navigator.language.startsWith("ja") ? "ja" : "en");
const listeners = [];

function stored() {
  try { return tables[localStorage.getItem(KEY)] ? localStorage.getItem(KEY) : null; } catch { return null; }
}

/* A text in the page's language, with {names} filled in. */
export function say(key, values = {}) {
  const text = tables[language][key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/* A problem's sentence: translated by its code where there is a translation; else as the studio says it. */
export function sayProblem(problem) {
  if (problem.code === "offline") return say("offline");
  const key = `code_${problem.code}`;
  if (!tables[language][key]) return problem.message;
  const text = say(key, problem.facts ?? {});
  return text.endsWith("：") ? text + problem.message : text;
}

export function current() { return language; }

export function choose(name) {
  language = name;
  try { localStorage.setItem(KEY, name); } catch { /* private windows keep nothing */ }
  translate();
}

export function whenChosen(listener) { listeners.push(listener); }

export function translate(root = document) {
  document.documentElement.lang = language;
  for (const one of root.querySelectorAll("[data-word]")) one.textContent = say(one.dataset.word);
  for (const one of root.querySelectorAll("[data-word-label]")) one.setAttribute("aria-label", say(one.dataset.wordLabel));
  for (const one of root.querySelectorAll("[data-word-title]")) {
    one.title = say(one.dataset.wordTitle);
    one.setAttribute("aria-label", one.title);
  }
  for (const one of root.querySelectorAll("[data-word-place]")) one.placeholder = say(one.dataset.wordPlace);
  for (const one of document.querySelectorAll("[data-language]")) {
    one.setAttribute("aria-pressed", String(one.dataset.language === language));
  }
  if (root === document) for (const listener of listeners) listener();
}
