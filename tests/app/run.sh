#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The command line as a user meets it: runs `weft` ($1) and looks at what it prints and how it ends.
# $2: the source tree, $3: a scratch folder.
# $WEFT_LAUNCHER goes before every command (tests/drivers.sh).
set -u
weft="${WEFT_LAUNCHER:-} $1"
source=$2
scratch=$3
model=$source/apps/models/tales-hybrid
goldens=${WEFT_GOLDENS:-$source/../shared/goldens}
rm -rf "$scratch"
mkdir -p "$scratch"
export XDG_CACHE_HOME=$scratch/cache
failed=0
skipped=0

# passes NAME, fails WHAT...: the result of a test.
passes() { echo "ok $1"; }
fails() {
  failed=$((failed + 1))
  printf 'FAILED %s\n' "$*"
}
# expect NAME CODE PATTERN COMMAND...: exit code and a pattern in what it prints (both streams).
expect() {
  name=$1 code=$2 pattern=$3
  shift 3
  output=$("$@" 2>&1 </dev/null)
  got=$?
  if [ "$got" -ne "$code" ] || ! printf '%s\n' "$output" | grep -q -- "$pattern"; then
    fails "$name: exit code $got (expected $code), looking for \"$pattern\" in:
$output"
  else
    passes "$name"
  fi
}
# A copy of the bundled model with one thing wrong.
broken() {
  rm -rf "$scratch/broken"
  cp -r "$model" "$scratch/broken"
  chmod -R u+w "$scratch/broken"
}

expect 'no command' 2 'required' $weft
expect 'version' 0 'weft 0' $weft --version
if ! $weft info >"$scratch/info" 2>&1 && grep -q 'no Vulkan' "$scratch/info"; then
  echo "SKIPPED: no Vulkan driver"
  exit 77
fi
expect 'info' 0 'tier core' $weft info
expect 'info json' 0 '"usable": true' $weft info --json
$weft inspect --architectures >"$scratch/architectures"
if [ -s "$scratch/architectures" ] && ! grep -vxF -f "$source/README.md" "$scratch/architectures" >"$scratch/missing"
then passes 'the table of architectures in README.md'
else fails 'README.md lacks' "$(cat "$scratch/missing")"; fi
expect 'tale' 0 'tokens at' $weft run "$model" 'Once upon a time' -n 12 --stats
expect 'greedy is greedy' 0 'The old king was so delighted' $weft run "$model" 'The old king' -n 12 --greedy
expect 'json' 0 '"new_tokens": 5' $weft run "$model" 'A dog' -n 5 --json
expect 'raw ids' 0 '^[0-9 ]*$' $weft run "$model" '17 250 31' --raw-ids -n 4
expect 'no tokens asked' 0 'A dog' $weft run "$model" 'A dog' -n 0
a=$($weft run "$model" 'A' -n 20 --seed 7 --temperature 0.9)
b=$($weft run "$model" 'A' -n 20 --seed 7 --temperature 0.9)
c=$($weft run "$model" 'A' -n 20 --seed 8 --temperature 0.9)
if [ "$a" = "$b" ] && [ "$a" != "$c" ]; then passes 'seeds'
else fails 'seeds: the same seed must give the same text, another seed another'; fi
printf 'Once upon a time' >"$scratch/prompt"
expect 'prompt file' 0 'Once upon a time' $weft run "$model" --prompt-file "$scratch/prompt" -n 3
from_pipe=$(printf 'Once upon a time' | $weft run "$model" - -n 3 --greedy)
case $from_pipe in
  'Once upon a time'*) passes 'standard input' ;;
  *) fails "standard input: $from_pipe" ;;
esac
expect 'f16' 0 'time' $weft run "$model" 'Once upon a time' -n 3 --dtype f16
expect 'keys and values of 8 bits' 0 'time' $weft run "$model" 'Once upon a time' -n 3 --kv q8_0
expect 'bytes a token beside weights of 16 bits' 0 'keys, values: 256 B a token' $weft inspect "$model" --no-device
expect 'bytes a token in f32' 0 'keys, values: 512 B a token' $weft inspect "$model" --no-device --kv f32
expect 'bytes a token in q8_0' 0 'keys, values: 136 B a token' $weft inspect "$model" --no-device --kv Q8_0
expect 'inspect' 0 'gated_delta' $weft inspect "$model"
expect 'inspect picture' 0 '' $weft inspect "$model" --svg "$scratch/schedule.svg"
expect 'picture' 0 '</svg>' cat "$scratch/schedule.svg"
expect 'inspect pipelines' 0 '^matvec.* LANES=' $weft inspect "$model" --pipelines
expect 'inspect pipelines as JSON' 0 '"decode 8",' $weft inspect "$model" --pipelines --json
expect 'inspect pipelines of a model that does not fit' 3 '^matvec.* LANES=' \
  $weft inspect "$model" --pipelines --memory 1
expect 'and the reason' 3 'cannot run: weights and states need .* the limit is 1 MiB' \
  $weft inspect "$model" --pipelines --memory 1
expect 'inspect pipelines of an encoder' 0 '^norm.*KIND=1' $weft inspect "$source/tests/goldens/models/roberta" --pipelines
expect 'inspect weights alone' 0 'BF16' $weft inspect "$model/model.safetensors"
expect 'inspect config alone' 0 'gated_delta' $weft inspect "$model/config.json"
expect 'inspect a schedule file' 0 'moe (2 of 8' $weft inspect "$source/apps/models/hybrid.json"
expect 'inspect weights of a schedule file' 0 '^embedding.table  *\[' \
  $weft inspect "$source/apps/models/hybrid.json" --weights
expect 'inspect as a schedule file' 0 '"weft_schedule": 2' $weft inspect "$model" --schedule
expect 'check' 0 'prefill 7 *ok' $weft check "$model" --prefill 7
encoder=$source/tests/goldens/models/distilbert answers=$source/tests/goldens/models/mbart
expect 'inspect a memory' 0 'memory: [0-9.]* [KM]*i*B a row' $weft inspect "$answers"
expect 'check an encoder' 0 'prefill alone *ok' $weft check "$encoder" --prefill alone
expect 'an encoder has no steps' 2 "must be 'whole' or 'alone'" $weft check "$encoder" --prefill step
expect 'run an encoder' 3 'distilbert: its tokens see those behind them; it does not continue text' \
  $weft run "$encoder" --raw-ids '5 6 7'
expect 'bench an encoder' 0 'encode  3 x 20: .* tokens/s; .* GFLOP' \
  $weft bench model "$encoder" --prompt 20 --batch 3 --repeats 1
expect 'bench an encoder beyond its positions' 2 'the model reaches 64' $weft bench model "$encoder" --prompt 100000
expect 'bench an encoder-decoder' 0 'encode  2 x 12: .* tokens/s' \
  $weft bench model "$answers" --prompt 12 --generate 5 --batch 2 --repeats 1
expect 'bench a picture model' 0 'encode  2 x 30 x 30 pixels: .* pictures/s, each of 37 rows' \
  $weft bench model "$source/tests/goldens/models/vit" --batch 2 --repeats 1
expect 'bench a picture model with windows, as JSON' 0 '"pictures_per_s": [0-9]*[.1-9]' \
  $weft bench model "$source/tests/goldens/models/swin" --repeats 1 --per-layer --json
expect 'bench what an encoder-decoder makes' 0 'decode  1 x 5: .* tokens/s' \
  $weft bench model "$answers" --prompt 12 --generate 5 --repeats 1
expect 'bench the text of a text with pictures' 0 'prefill 1 x 16: .* tokens/s' \
  $weft bench model "$source/tests/fuzz/corpus/config/schedule-pictures.json" --random-weights --prompt 16 --repeats 1
expect 'run an encoder-decoder' 0 '^[0-9 ]*$' $weft run "$answers" --raw-ids '5 6 7' -n 5 --greedy
expect 'inspect stages' 0 'decoder, .* wide: tokens of decoder_input_ids' $weft inspect "$answers"
expect 'embed' 0 '^{"embedding":\[.*,"text":"Once upon a time"}$' \
  $weft embed "$model" 'Once upon a time' --normalize --json
printf 'Once upon a time\n\nA dog\n' >"$scratch/texts"
[ "$($weft embed "$model" --file "$scratch/texts" | wc -l)" = 2 ] && passes 'embed a file' || fails 'embed a file'
printf '"A dog"\n{"text": "A cat"}\n[1]\n' >"$scratch/texts.jsonl"
[ "$(printf 'A dog\nA cat\n' | $weft embed "$model" --file - | wc -l)" = 2 ] && passes 'embed standard input' ||
  fails 'embed standard input'
expect 'embed with an encoder-decoder' 3 'mbart answers a text with another' $weft embed "$answers" x
dna=$source/tests/goldens/models/hyenadna-order
printf '>one\nACGTN\nacguacc\n' >"$scratch/dna.fa"
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do printf 'GGGNT'; done >"$scratch/letters"
expect 'embed a sequence' 0 '^0\.6302[0-9]* -0\.1515[0-9]* -0\.1806[0-9]* 0\.5168' \
  $weft embed "$dna" --sequence "$scratch/dna.fa"
expect 'embed a sequence with both strands' 0 '^-0\.3128[0-9]* -0\.1913.* 0\.1240[0-9]* -0\.1368[0-9]*$' \
  $weft embed "$source/tests/goldens/models/caduceus-apart" --sequence "$scratch/dna.fa"
{ cat "$scratch/dna.fa"; echo '>two rows'; cat "$scratch/letters"; } >"$scratch/two.fa"
expect 'embed sequences' 0 '^{"embedding":\[0\.8226[0-9]*,-0\.2258[0-9]*,.*"name":"two"}$' \
  $weft embed "$dna" --sequence "$scratch/two.fa" --json
{ echo '>long'; cat "$scratch/letters" "$scratch/letters" "$scratch/letters" "$scratch/letters"; } >"$scratch/long.fa"
expect 'embed a sequence beyond the model' 2 "line 1 begins a record of 400 letters, 'long': .* 330" \
  $weft embed "$dna" --sequence "$scratch/long.fa"
printf '>one\nACGJ\n' >"$scratch/not.fa"
expect 'embed what is no sequence' 1 "not.fa: line 2 has 'J' in column 4" $weft embed "$dna" --sequence "$scratch/not.fa"
expect 'run a model of DNA' 3 'hyenadna: each token needs all before it anew, .*; it does not continue text' \
  $weft run "$dna" ACGT -n 2
for directory in "$source"/tests/goldens/models/*; do
  expect "inspect ${directory##*/}" 0 '^every operation\|  every operation' $weft inspect "$directory"
  expect "picture of ${directory##*/}" 0 '' $weft inspect "$directory" --no-device --svg "$scratch/picture.svg"
done
expect 'embed what is no text' 1 'line 3 must be a string' $weft embed "$model" --jsonl "$scratch/texts.jsonl"
expect 'embed nothing' 2 'there is no text to embed' $weft embed "$model"
pictures=$source/tests/goldens/pictures seeing=$scratch/seeing
cp -r "$source/tests/goldens/models/vit" "$seeing"
echo '{"image_processor_type": "ViTImageProcessor", "size": {"height": 30, "width": 30}}' \
  >"$seeing/preprocessor_config.json"
# What transformers says of these.
expect 'see a turned picture' 0 ': LABEL_2 0.3333; LABEL_3 0.2954; LABEL_1 0.2087$' \
  $weft see "$pictures/turned6.jpg" --model "$seeing" --top 3
expect 'see a transparent picture, as JSON' 0 '{"classes":\[{"index":2,"label":"LABEL_2","probability":0.336' \
  $weft see "$pictures/rgba.png" --model "$seeing" --top 3 --json
[ "$($weft see - --model "$seeing" --top 1 <"$pictures/lossy.webp")" = '-: LABEL_2 0.4179' ] &&
  passes 'see standard input' || fails 'see standard input'
# Letters beyond ASCII in paths: of a model, of a picture, and of the folder that compiled shaders are kept in.
odd=$(printf 'Mod\303\250le \303\274 \350\251\261')
cp -r "$model" "$scratch/$odd"
cp "$pictures/turned6.jpg" "$scratch/$odd/$odd.jpg"
expect 'a folder with letters beyond ASCII' 0 '^device 0' env XDG_CACHE_HOME="$scratch/$odd" $weft info
expect 'a model there' 0 'The old king was so delighted' \
  env XDG_CACHE_HOME="$scratch/$odd" $weft run "$scratch/$odd" 'The old king' -n 12 --greedy
[ -n "$(find "$scratch/$odd/weft" -type f 2>/dev/null)" ] && passes 'a cache there' || fails 'a cache there'
expect 'a picture there' 0 "$odd.jpg: LABEL_2 0.3333; " $weft see "$scratch/$odd/$odd.jpg" --model "$seeing"
mkdir "$scratch/album"
cp "$pictures"/turned?.jpg "$pictures/lossless.webp" "$pictures/grey.png" "$scratch/album"
echo text >"$scratch/album/notes.txt"
for batch in 0 1 3; do
  $weft see "$scratch/album" "$pictures/rgb.png" --model "$seeing" --batch $batch --stats >"$scratch/seen.$batch" \
    2>"$scratch/seen.stats"
done
if [ "$(sed -n '1p;$p' "$scratch/seen.0" | sed 's/.*\/\([^:]*\):.*/\1/' | xargs)" = 'grey.png rgb.png' ] &&
  [ "$(wc -l <"$scratch/seen.0")" = 11 ] && cmp -s "$scratch/seen.0" "$scratch/seen.1" &&
  cmp -s "$scratch/seen.0" "$scratch/seen.3"
then passes 'see a folder, in batches of any size'
else fails 'see a folder, in batches of any size' "$(cat "$scratch"/seen.?)"; fi
pictured=$source/tests/goldens/pictured
sees=$pictured/mistral3
# What transformers makes of it.
expect 'a prompt with pictures' 0 'zd nrnfrn' $weft run "$sees" --image "$pictured/tall.png" \
  --image "$pictured/wide.png" 'first [IMG] then [IMG]. which?' -n 12 --greedy --ignore-end
expect 'the same of a pair of GGUF files' 0 'zd nrnfrn' $weft run "$sees/model.gguf" --mmproj "$sees/mmproj.gguf" \
  --image "$pictured/tall.png" --image "$pictured/wide.png" 'first [IMG] then [IMG]. which?' -n 12 --greedy --ignore-end
expect 'a tower that is found beside a GGUF file' 0 'model.gguf: pictures are seen with .*mmproj.gguf' \
  $weft run "$sees/model.gguf" --image "$pictured/wide.png" 'what?' -n 1 --greedy
expect 'a tower of another model' 2 'the two are not of one model' $weft run "$sees/model.gguf" \
  --mmproj "$pictured/gemma3/mmproj.gguf" --image "$pictured/wide.png" 'what?'
expect 'no tower beside a GGUF file' 1 'there is no mmproj\*.gguf beside it' $weft run \
  "$(cp "$sees/model.gguf" "$scratch/blind.gguf" && echo "$scratch/blind.gguf")" --image "$pictured/wide.png" 'what?'
expect 'more pictures than places' 2 'the text has it 1 times' $weft run "$sees" --image "$pictured/tall.png" \
  --image "$pictured/wide.png" 'what is [IMG]?'
expect 'a picture for a model of text' 3 'reads text; it sees no pictures' $weft run "$model" \
  --image "$pictured/tall.png" 'what is this?'
expect 'a picture that is not there' 1 'cannot open' $weft run "$sees" --image "$scratch/none.png" 'what?'
cat >"$scratch/seen.jinja" <<'END'
{% for m in messages %}<s>{{ m.role }}:{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{{
'[IMG]' if p.type == 'image' else p.text }}{% endfor %}{% endif %}{% endfor %}<s>assistant:
END
printf '/image %s\nwhat?\n/save %s\n' "$pictured/wide.png" "$scratch/seen.json" |
  $weft chat "$sees" --template "$scratch/seen.jinja" -n 8 --greedy >/dev/null 2>"$scratch/chat.errors"
expect 'a conversation with a picture is saved' 0 '"png": "iVBOR' cat "$scratch/seen.json" "$scratch/chat.errors"
printf 'and now?\n/stats\n' | $weft chat "$sees" --template "$scratch/seen.jinja" -n 8 --greedy \
  --load "$scratch/seen.json" >/dev/null 2>"$scratch/chat.errors"
expect 'and goes on' 0 'conversation: [0-9]* of 512 tokens' cat "$scratch/chat.errors"
printf '/image %s\n' "$pictured/wide.png" | $weft chat "$model" --template "$scratch/seen.jinja" \
  >/dev/null 2>"$scratch/chat.errors"
expect 'a conversation with a model of text' 0 'this model sees no pictures' cat "$scratch/chat.errors"
expect 'time of a picture' 0 '^11 pictures in .* s: .* ms each' cat "$scratch/seen.stats"
head -c 300 "$pictures/rgb.jpg" >"$scratch/album/cut.jpg"
expect 'see what is cut off' 1 'cut.jpg: JPEG: ' $weft see "$scratch/album" --model "$seeing"
expect 'and all else' 1 'turned8.jpg: LABEL' $weft see "$scratch/album" --model "$seeing"
expect 'see vectors' 0 '"embedding":\[\(-*[0-9.e-]*,\)\{23\}[0-9.e-]*\],"picture"' \
  $weft see "$pictures/rgb.png" --model "$seeing" --embed --json
expect 'see vectors of windows' 0 'rgb.png: -*[0-9]' \
  $weft see "$pictures/rgb.png" --model "$source/tests/goldens/models/swin" --embed
expect 'see without settings' 0 'no preprocessor_config.json' \
  $weft see "$pictures/rgb.png" --model "$source/tests/goldens/models/vit"
expect 'see what is no picture' 1 'README.md: is no PNG, JPEG or WebP' $weft see "$source/README.md" --model "$seeing"
expect 'see a folder without pictures' 1 'has no .png' $weft see "$source/apps" --model "$seeing"
expect 'see with a model of text' 3 'distilbert takes no pictures' $weft see "$pictures/rgb.png" --model "$encoder"
echo '{"image_processor_type": "ViTImageProcessor", "size": 4}' >"$seeing/preprocessor_config.json"
expect 'see at a size that the model has not' 1 'turned8.jpg: .* 4 x 4 pixels has 0 rows of patches' \
  $weft see "$scratch/album" --model "$seeing"
# What transformers says of these, too: which of the texts, and each by itself.
expect 'see with classes in words' 0 'rgb.png: w5 w9 w17 0.5325; w30 0.4675$' \
  $weft see "$pictures/rgb.png" --model "$source/tests/goldens/models/clip" --text 'w5 w9 w17' w30
expect 'see with words that do not exclude each other' 0 'rgb.png: w30 0.4251; w5 w9 w17 0.4213$' \
  $weft see "$pictures/rgb.png" --model "$source/tests/goldens/models/siglip" --text 'w5 w9 w17' w30
expect 'a vector of a text beside those of pictures' 0 '^[-0-9. e]*$' $weft embed "$source/tests/goldens/models/clip" w30
expect 'which is made in one way' 2 'not pooled or normalized in another' \
  $weft embed "$source/tests/goldens/models/siglip" w30 --pooling mean
expect 'see without words' 3 'weft see --text' $weft see "$pictures/rgb.png" --model "$source/tests/goldens/models/clip"
expect 'see with words and a model of classes' 3 'vit compares no pictures with texts' \
  $weft see "$pictures/rgb.png" --model "$source/tests/goldens/models/vit" --text w30
# Each bundled picture is named by the class that it is of, each spoken digit by itself.
[ "$($weft see "$source/apps/samples/pictures" --model "$source/apps/models/cifar-mambavision" --top 1 |
  sed -n 's|.*/\([a-z]*\).png: \1 .*|\1|p' | wc -l)" = 10 ] && passes 'see the bundled pictures' ||
  fails 'see the bundled pictures'
expect 'see what is looked at' 0 'map.png: what the last scan adds to each patch, .*: 4 x 4 patches, from ' \
  $weft see "$source/apps/samples/pictures/cat.png" --model "$source/apps/models/cifar-mambavision" \
  --attention-map "$scratch/map.png"
expect 'a map is a picture' 0 'map.png: ' $weft see "$scratch/map.png" --model "$source/apps/models/cifar-mambavision"
expect 'a map of several pictures' 2 'draws one picture' $weft see "$source/apps/samples/pictures" \
  --model "$source/apps/models/cifar-mambavision" --attention-map "$scratch/map.png"
[ "$($weft hear "$source"/apps/samples/digits/*.flac --model "$source/apps/models/digits-audiomamba" --top 1 |
  sed -n 's|.*/\([0-9]\).flac: \1 .*|\1|p' | wc -l)" = 10 ] && passes 'hear the bundled digits' ||
  fails 'hear the bundled digits'
expect 'run what sees' 3 'mambavision sees pictures; it does not continue text' \
  $weft run "$source/apps/models/cifar-mambavision" Hello
expect 'embed with what hears' 3 'audio_mamba hears sounds; weft embed is for models that read texts' \
  $weft embed "$source/apps/models/digits-audiomamba" Hello
# What phones record.
printf '\000\000\000\040ftypM4A \000\000\000\000M4A mp42isom' >"$scratch/voice.m4a"
expect 'hear what ffmpeg can turn' 1 'ffmpeg -i FILE sound.wav' \
  $weft hear "$scratch/voice.m4a" --model "$source/apps/models/digits-audiomamba"
hear=$source/tests/goldens/hear
expect 'run what transcribes' 3 'weft hear says what is said' $weft run "$hear/whisper" Hello
tones=$hear/tones.wav
sure='--least-log-probability -1000 --least-no-speech 1 --most-compression 1000 --no-condition'
expect 'hear with times' 0 '^\[00:02.060 --> 00:02.460\]  w16$' \
  $weft hear "$tones" --model "$hear/whisper" --timestamps $sure
expect 'hear a text' 0 '^w18 w18 w18w16w22' $weft hear "$tones" --model "$hear/whisper" $sure
expect 'hear the likeliest of several texts' 0 '"log_probability":-0.606' \
  $weft hear "$tones" --model "$hear/whisper" --format json $sure --beams 2
expect 'hear no text side by side' 2 'from 1 to 64' $weft hear "$tones" --model "$hear/whisper" --beams 0
expect 'hear classes side by side' 3 'takes no language, task or beams' \
  $weft hear "$tones" --model "$hear/ast" --beams 2
expect 'hear subtitles' 0 '^00:00:02,060 --> 00:00:02,460$' $weft hear "$tones" --model "$hear/whisper" --format srt $sure
expect 'hear subtitles of the web' 0 '^00:02.060 --> 00:02.460$' \
  $weft hear "$tones" --model "$hear/whisper" --format vtt $sure
expect 'hear in another language' 0 '"language":"de".*"segments":\[.*"text":"w30"' \
  $weft hear "$tones" --model "$hear/whisper" --format json --language de $sure
expect 'hear letters' 0 '^DA DA DAD<unk>DAD A' $weft hear "$tones" --model "$hear/wav2vec2"
expect 'hear classes' 0 "^$tones: [a-z]* 0[.0-9]*; [a-z]* 0[.0-9]*$" $weft hear "$tones" --model "$hear/ast" --top 2
expect 'hear one of two' 1 'none.wav: there is no such file' $weft hear "$scratch/none.wav" "$tones" --model "$hear/ast"
expect 'hear what is no sound' 1 'run.sh: is no sound' $weft hear "$0" --model "$hear/ast"
expect 'hear an unknown language' 2 'it knows de en fr' $weft hear "$tones" --model "$hear/whisper" --language xx
expect 'hear subtitles of classes' 3 'tells classes' $weft hear "$tones" --model "$hear/ast" --format srt
expect 'hear with what does not' 3 'does not hear' $weft hear "$tones" --model "$model"
[ "$($weft hear - --model "$hear/wav2vec2" <"$tones")" = "$($weft hear "$tones" --model "$hear/wav2vec2")" ] &&
  passes 'hear standard input' || fails 'hear standard input'
# The samples alone, without a header: a live stream.
[ "$(tail -c +45 "$tones" | $weft hear - --model "$hear/ast" | wc -l)" = 1 ] && passes 'hear a stream' ||
  fails 'hear a stream'
# What transformers forecasts of this series begins with 0.1718, 0.4247, 0.8781.
series=$scratch/series.csv forecasts=$source/tests/goldens/models/patchtst-apart
awk 'BEGIN { print "date;a;b;c"
  for (i = 0; i < 50; ++i) printf "day %d;%d;%.2f;%.1f\n", i, i % 7, i * i % 11 / 4, i / 10 }' >"$series"
expect 'forecast' 0 '^0.1718[0-9]*;0.4247[0-9]*;0.8780[0-9]*$' $weft forecast "$series" --model "$forecasts"
expect 'forecast as JSON' 0 '"channels":\["a","b","c"\],"forecast":\[\[0.1718[0-9]*,0.4247' \
  $weft forecast "$series" --model "$forecasts" --json
expect 'forecast of standard input' 0 '^a;b;c$' sh -c "$weft forecast - --model '$forecasts' <'$series'"
expect 'forecast, drawn' 0 '' $weft forecast "$series" --model "$forecasts" --plot "$scratch/series.svg"
[ "$(grep -c '>forecast</text>' "$scratch/series.svg")" = 1 ] && grep -q '>b</text>' "$scratch/series.svg" &&
  passes 'a drawing of a forecast' || fails 'a drawing of a forecast'
head -n 30 "$series" >"$scratch/short.csv"
expect 'forecast of too few rows' 2 'short.csv: has 29 rows of values; the model reads 43' \
  $weft forecast "$scratch/short.csv" --model "$forecasts"
sed '7s/;[^;]*$/;x/' "$series" >"$scratch/letters.csv"
expect 'forecast of letters' 1 "letters.csv: line 7, column 4 (c): 'x' is no number" \
  $weft forecast "$scratch/letters.csv" --model "$forecasts"
expect 'forecast with what does not' 3 'reads no time series' $weft forecast "$series" --model "$hear/ast"
expect 'series are no pictures' 3 'takes no pictures' $weft see "$pictures/rgb.png" --model "$forecasts"
expect 'bench' 0 'decode .* of the limit' \
  $weft bench model "$model/config.json" --random-weights --prompt 8 --generate 4 --repeats 1
expect 'a directory for a text' 2 'is a directory' $weft run "$model" --prompt-file "$scratch"
expect 'perplexity of nothing' 2 'at least 2' $weft eval perplexity "$model" /dev/null
expect 'output that cannot be written' 1 'standard output: cannot write' sh -c "$weft info >/dev/full"
expect 'help that cannot be written' 1 'standard output: cannot write' sh -c "$weft --help >/dev/full"
expect 'a reader that goes away' 0 'device 0' sh -c "$weft info | head -n 1"
expect 'check as JSON, with a model that is not there' 1 '"ok": false' \
  $weft check "$scratch/nothing" "$model" --prefill whole --json
expect 'inspect under a limit' 3 'the limit is 1 MiB' $weft inspect "$model" --memory 1
expect 'an unknown kind of caches' 2 'must be f32, f16 or q8_0' $weft run "$model" x --kv q4_0
expect 'an unknown kind of weights' 2 'must be stored, f32, f16 or bf16' $weft run "$model" x --dtype q7
expect 'selftest of two kernels' 0 'passed: [1-9][0-9]* cases in [1-9][0-9]* runs, 0 wrong' \
  $weft selftest --quick --kernel combine --kernel pool
expect 'selftest as JSON' 0 '"passed": true' $weft selftest --quick --kernel pool --json
expect 'selftest in the shapes of other devices' 0 'norm.core norm.vectors' $weft selftest --kernel norm
expect 'selftest of no kernel' 2 "there is no kernel 'dance'" $weft selftest --kernel dance
cp -r "$source/shaders" "$scratch/shaders"
chmod -R u+w "$scratch/shaders"
sed 's|/ float(count)|/ float(count + 1u)|' "$source/shaders/elem/pool.comp" >"$scratch/shaders/elem/pool.comp"
expect 'selftest finds a planted error' 1 'wrong pool ".*: y: [0-9]* of [0-9]* are off' \
  $weft selftest --quick --kernel pool --shader-dir "$scratch/shaders"
if [ -z "${WEFT_LAUNCHER:-}" ]; then # the packed program has a loader of its own
  expect 'packed for another machine' 0 '[1-9][0-9]* recorded cases' \
    sh "$source/tests/on_device.sh" pack "$scratch/device" "$1"
  expect 'run from that folder' 0 'devices: passed' env WEFT_SECONDS=12 sh "$scratch/device/on_device.sh" run
fi
expect 'bench of a hand-written schedule' 0 'decode' \
  $weft bench model "$source/apps/models/hybrid.json" --random-weights --prompt 8 --generate 4 --repeats 1
head -c 3000 "$source/LICENSE" >"$scratch/text"
expect 'perplexity' 0 'bits per byte' $weft eval perplexity "$model" "$scratch/text"

expect 'stop string' 0 '"stop": "delight"' \
  $weft run "$model" 'The old' -n 12 --greedy --stop zebra --stop delight --json
expect 'empty stop string' 2 'stop string' $weft run "$model" 'The old' --stop ''
expect 'stop strings are about text' 2 'raw-ids' $weft run "$model" '1 2' --raw-ids --stop king

# What a conversation prints: each line of $1 is typed, the rest are options.
converse() {
  typed=$1
  shift
  printf "$typed" | $weft chat "$model" --template "$scratch/tale.jinja" --greedy -n 16 "$@" 2>&1
}
# said NAME PATTERN TYPED OPTIONS...
said() {
  name=$1 pattern=$2
  shift 2
  output=$(converse "$@")
  if printf '%s\n' "$output" | grep -q -- "$pattern"; then passes "$name"
  else fails "$name: looking for \"$pattern\" in:
$output"; fi
}
# same NAME A B: two conversations end alike.
same() {
  if [ -n "$2" ] && [ "$2" = "$3" ]; then passes "$1"
  else fails "$1:
$2
is not
$3"; fi
}
cat >"$scratch/tale.jinja" <<'END'
{%- for m in messages %}<|endoftext|>{{ m.role }}:
{{ m.content }}{% endfor %}
{%- if add_generation_prompt %}<|endoftext|>assistant:
{% if enable_thinking is defined %}{{ '<think>' if enable_thinking else 'So ' }}{% endif %}{% endif %}
END
expect 'chat without a template' 1 'weft run' $weft chat "$model"
expect 'chat template' 0 'Grüße' sh -c \
  "printf '%s' '{\"messages\": [{\"role\": \"user\", \"content\": \"Grüße\"}]}' | $weft template '$scratch/tale.jinja'"
a=$(converse 'Tell me of a dog.\n')
b=$(converse 'Tell me of a dog.\nWho?\n')
c=$(converse 'Tell me of a dog.\nWho?\n/undo\n/undo\nTell me of a dog.\n')
same 'chat: one line' "$a" "$(converse '"""\nTell me of a dog.\n"""\n')"
same 'chat: undo' "$c" "$(printf '%s\n%s' "$b" "$a")"
same 'chat: reset' "$(converse 'Who?\n/reset\nTell me of a dog.\n' | tail -n 1)" "$(printf '%s\n' "$a" | tail -n 1)"
converse "Tell me of a dog.\n/save $scratch/dog.json\n" >/dev/null
same 'chat: saved and loaded' "$(converse "/load $scratch/dog.json\nWho?\n")" "${b#"$a
"}"
same 'chat: loaded at the start' "$(converse 'Who?\n' --load "$scratch/dog.json")" "${b#"$a
"}"
expect 'chat: lines of a message' 0 'one.ntwo' sh -c "printf 'one\\\\\ntwo\n/save $scratch/lines.json\n' |
  $weft chat '$model' --template '$scratch/tale.jinja' -n 2 && cat '$scratch/lines.json'"
said 'chat: stats' '0 tokens kept' 'Who?\n/stats\n'
said 'chat: nothing is read twice' 'last answer: [1-9][0-9]* tokens kept' 'Who?\nWho?\n' --stats
said 'chat: help' '/undo' '/help\n'
said 'chat: thinking' '^<think>' 'Who?\n' --thinking on
said 'chat: an unknown command' 'no command' '/dance\n'
said 'chat: nothing to undo' 'nothing to undo' '/undo\n'
said 'chat: a file that is none' 'cannot open' '/load there-is-none\n'
converse "/system Be kind.\nWho?\n/save $scratch/kind.json\n" >/dev/null
expect 'chat: system prompt' 0 'system:.nBe kind' cat "$scratch/kind.json"
expect 'no such model' 1 'there-is-none' $weft run "$scratch/there-is-none" x
expect 'device out of range' 2 'device 99 was asked for' $weft run "$model" x --device 99
expect 'invalid UTF-8' 2 'UTF-8' $weft run "$model" "$(printf 'abc\377')"
expect 'context too long' 1 'would fit' $weft run "$model" x --context 2000000000
fits=$($weft run "$model" x --context 2000000000 --memory 40 2>&1 |
  sed -n 's/.*a context of \([0-9]*\) tokens would fit.*/\1/p')
expect 'a context that would fit fits' 0 'A dog' $weft run "$model" 'A dog' -n 2 --context "$fits" --memory 40
expect 'prompt longer than the context' 2 'context is 8' \
  $weft run "$model" 'one two three four five six seven eight nine ten eleven' --context 8
expect 'bad temperature' 2 'temperature' $weft run "$model" x --temperature -1
# Every number of every command: what is out of range, or no number at all, is wrong use; the message has the option, the rule and what was given.
# number COMMAND OPTION FINE BAD...
number() {
  command=$1 option=$2 fine=$3
  shift 3
  for bad in "$@" ' ' x 1x 0x10 1e 1e999 nan inf -inf true '1 2' +1 1,5; do
    case $command in run | inspect) set -- "$model" ;; chat) set -- "$model" --template "$scratch/tale.jinja" ;; 'eval perplexity') set -- "$model" "$scratch/text" ;; 'bench kernels') set -- combine ;; selftest) set -- ;; *) set -- "$model/config.json" --random-weights ;; esac
    expect "$command $option=$bad" 2 "$option: must be .*, is '$bad'" $weft $command "$@" "$option=$bad"
  done
  expect "$command $option ''" 2 "$option: must be .*, is ''" $weft $command "$@" "$option" ''
  expect "$command $option=$fine" 2 'device 999 was asked for' $weft $command "$@" "$option=$fine" --device 999
}
number run --seed 18446744073709551615 18446744073709551616 -1 1.5 1e3
number run --temperature 1e-3 -0.1 3.5e38
number run --top-k 0 -1 2147483648 4294967296 2.5
number run --top-p 0 -0.1 1.1
number run --min-p 1 -0.1 2
number run --repeat-penalty 1.1 0 -1
number run --steps 64 0 65
number run --context 0 -1 2147483648
number run --memory 17592186044415 -1 17592186044416
number chat --context 64 -1 4294967297
number selftest --patience 60 0 3601 -1 1.5
number 'eval perplexity' --window 0 -1 4294967298
number 'eval perplexity' --context 64 -1 4294967296
number inspect --context 64 -1 4294967296
number 'bench model' --prompt 8 0 -1 4294967296
number 'bench model' --generate 0 -1 4294967296
number 'bench model' --batch 2 0 65537
number 'bench model' --repeats 1 0 1001
number 'bench kernels' --repeats 1 0 1001
for bad in -5 1.5 1e3 4294967296 x; do expect "run -n $bad" 2 "-n: must be .*, is '$bad'" $weft run "$model" x -n "$bad"; done
for bad in -1 1000 0.5 1e1; do expect "run --device=$bad" 2 "--device: must be .*, is '$bad'" $weft run "$model" x "--device=$bad"; done
for bad in 0 -1 7x ' 7' 1e3 65537 4294967297 ''; do expect "check --prefill '$bad'" 2 "not '$bad'" $weft check "$model" --prefill "$bad"; done
for bad in 4294967296 -1 1.5 1x; do expect "ids: $bad" 2 'is none' $weft run "$model" "5 $bad" --raw-ids; done
if [ "$($weft run "$model" 'The old king' -n 12 --top-p 0 --seed 4)" = "$($weft run "$model" 'The old king' -n 12 --greedy)" ]; then echo 'ok a top-p of 0'; else failed=$((failed + 1)); echo 'FAILED a top-p of 0: it must leave the likeliest token'; fi
broken; echo '{"do_sample": true, "top_p": 0.0, "eos_token_id": 0}' >"$scratch/broken/generation_config.json"
expect 'a top-p of 0 in the files' 0 'The old king was so delighted' $weft run "$scratch/broken" 'The old king' -n 12
echo '{"do_sample": true, "temperature": -1}' >"$scratch/broken/generation_config.json"
expect 'a bad temperature in the files' 1 "generation_config.json: key 'temperature'" $weft run "$scratch/broken" 'The old king' -n 12
sed -i 's/true/false/' "$scratch/broken/generation_config.json"
expect 'a bad temperature that counts for nothing' 0 'The old king was so delighted' $weft run "$scratch/broken" 'The old king' -n 12
broken; sed 's/"rms_norm_eps": 1e-06/"rms_norm_eps": NaN/' "$model/config.json" >"$scratch/broken/config.json"
expect 'a number of the config that is NaN' 1 "config.json: key 'rms_norm_eps' must be finite" $weft run "$scratch/broken" x

# not_finite TENSOR: a copy of the bundled model, whose weights are bf16, with a NaN in it.
not_finite() {
  broken
  file=$scratch/broken/model.safetensors
  length=$(od -An -tu8 -N8 "$file" | tr -d ' ')
  at=$(tail -c +9 "$file" | head -c "$length" | sed "s/.*\"$1\":{[^}]*\"data_offsets\":\[\([0-9]*\),.*/\1/")
  printf '\377\377' | dd of="$file" bs=1 seek=$((8 + length + at)) conv=notrunc 2>/dev/null
}
not_finite model.norm.weight
expect 'run: logits that are not finite' 1 'the logits behind token [0-9]* of the sequence are not finite: new token 1 ' $weft run "$scratch/broken" 'The old king' -n 12
expect 'run: logits that are not finite, greedy' 1 'not finite' $weft run "$scratch/broken" 'The old king' -n 12 --greedy --json
expect 'run: nothing is asked for' 0 'The old king' $weft run "$scratch/broken" 'The old king' -n 0
expect 'perplexity: logits that are not finite' 1 'the logits behind token 1 of the text are not finite' $weft eval perplexity "$scratch/broken" "$scratch/text"
expect 'check: logits that are not finite' 1 'not finite at row 0, token 0' $weft check "$scratch/broken" --prefill whole
expect 'bench: logits that are not finite' 1 'not finite' $weft bench model "$scratch/broken" --prompt 4 --generate 4 --repeats 1
expect 'chat: logits that are not finite' 1 'not finite' sh -c "echo 'Tell me of a dog.' | $weft chat '$scratch/broken' --template '$scratch/tale.jinja'"
expect 'quantize: a weight that is NaN' 1 "tensor 'output_norm.weight', row 0: an element is -*nan, which f32 cannot hold" $weft quantize "$scratch/broken" "$scratch/no.gguf"
not_finite model.layers.0.linear_attn.out_proj.weight
expect 'quantize: a matrix with a NaN' 1 "tensor 'blk.0.[a-z_]*.weight', row 0: .* q4_0 cannot hold" $weft quantize "$scratch/broken" "$scratch/no.gguf" --type q4_0
expect 'small budget' 1 'MiB' $weft run "$model" x --memory 4
broken; rm "$scratch/broken/model.safetensors"
expect 'missing weights' 1 'safetensors' $weft run "$scratch/broken" x
broken; head -c 100000 "$model/model.safetensors" >"$scratch/broken/model.safetensors"
expect 'truncated weights' 1 'model.safetensors' $weft run "$scratch/broken" x
broken; printf '\377\377\377\377\377\377\377\177' >"$scratch/broken/model.safetensors"
expect 'header beyond the file' 1 'header' $weft run "$scratch/broken" x
broken; printf '<!DOCTYPE html>\n<html>Sign in</html>' >"$scratch/broken/model.safetensors"
expect 'a web page for weights' 1 'is no safetensors file: .*<!DOCTYPE html>.* web page' $weft run "$scratch/broken" x
broken; sed 's/"qwen3_next"/"qwen9000"/' "$model/config.json" >"$scratch/broken/config.json"
expect 'unknown architecture' 3 'weft knows: .*llama' $weft run "$scratch/broken" x
expect 'check of an unknown architecture' 3 'qwen9000' $weft check "$scratch/broken"
broken; sed 's/"hidden_size": 192/"hidden_size": 191/' "$model/config.json" >"$scratch/broken/config.json"
expect 'wrong shape' 1 'shape' $weft run "$scratch/broken" x
expect 'inspect of what does not fit' 3 'shape' $weft inspect "$scratch/broken"
rm -rf "$scratch/broken"; cp -r "$source/tests/goldens/models/llama" "$scratch/broken"; chmod -R u+w "$scratch/broken"
sed -i 's/"num_hidden_layers": 3/"num_hidden_layers": 4/' "$scratch/broken/config.json"
expect 'missing tensor' 1 'layers.3.*is missing' $weft check "$scratch/broken"
broken; echo '{' >"$scratch/broken/config.json"
expect 'broken config' 1 'config.json' $weft run "$scratch/broken" x
broken
sed 's/"rope_theta"/"rope_scaling": {"rope_type": "spiral", "factor": 2}, "rope_theta"/' \
  "$source/tests/goldens/models/llama/config.json" >"$scratch/broken/config.json"
sed -i 's/, *"rope_scaling": null//; /"rope_scaling": null,/d' "$scratch/broken/config.json"
expect 'unknown rope type' 3 'spiral' $weft run "$scratch/broken" x
broken; rm "$scratch/broken/tokenizer.json"
expect 'no tokenizer' 1 'tokenizer.json' $weft run "$scratch/broken" x
expect 'tokenize without a tokenizer' 1 'looked for tokenizer.json' $weft tokenize "$scratch/broken" x
ids=$($weft tokenize "$model" 'Once upon a time')
expect 'ids are numbers' 0 '^[0-9 ]*$' echo "$ids"
expect 'ids to text' 0 '^Once upon a time$' $weft tokenize "$model" "$ids" --decode
expect 'count' 0 "^$(echo "$ids" | wc -w)\$" $weft tokenize "$model" 'Once upon a time' --count
expect 'not ids' 2 "'x' is none" $weft tokenize "$model" x --decode
rows=$(printf '"Once upon a time"\n"a\\u00e9"\n' | $weft tokenize "$model" --jsonl |
  grep -c '^{"ids":\[.*\],"ids_special":\[.*\],"decoded":".*","decoded_skip":".*"}$')
[ "$rows" -eq 2 ] || fails 'tokenize --jsonl'
mkdir -p "$scratch/full"; : >"$scratch/full/weft" # a file where the cache folder should be: writing fails
expect 'cache cannot be written' 0 'time' env XDG_CACHE_HOME="$scratch/full" $weft run "$model" 'Once upon a time' -n 3
for file in "$scratch"/cache/weft/pipelines-*.bin; do [ -e "$file" ] && head -c 50 /dev/zero >"$file"; done
expect 'damaged cache' 0 'time' $weft run "$model" 'Once upon a time' -n 3
[ -z "$(find "$scratch" -name '*.??????' -newer "$scratch/text" -path '*cache*')" ] ||
  fails 'half-written files are left in the cache'

$weft run "$model" 'Once upon a time' -n 4000 --context 4096 --ignore-end >"$scratch/stopped" 2>&1 &
process=$!
sleep 3
kill -INT "$process" 2>/dev/null
wait "$process"
got=$?
if [ "$got" -eq 130 ]; then passes 'Ctrl-C'; else fails "Ctrl-C: exit code $got"; fi

# Ctrl-C stops an answer; the next question is answered all the same.
(
  echo 'Tell me of a dog.'
  until [ -e "$scratch/interrupted" ]; do sleep 0.2; done
  echo "/save $scratch/stopped.json"
) | $weft chat "$model" --template "$scratch/tale.jinja" --greedy -n 4000 >"$scratch/answer" 2>/dev/null &
process=$!
tries=0
until [ -s "$scratch/answer" ] || [ "$tries" -eq 300 ]; do sleep 0.2; tries=$((tries + 1)); done
kill -INT "$process" 2>/dev/null
: >"$scratch/interrupted"
wait "$process"
got=$?
if [ "$got" -eq 0 ] && grep -q '"assistant"' "$scratch/stopped.json"; then passes 'Ctrl-C in a conversation'
else fails "Ctrl-C in a conversation: exit code $got: $(head -c 300 "$scratch/answer")"; fi
expect 'quantize' 0 'qwen3next, .* vocabulary: gpt2' \
  $weft quantize "$model" "$scratch/tales.gguf" --type q8_0 --keep 'blk.*.attn_*=f16'
expect 'run of a GGUF file' 0 '^[0-9 ]*$' $weft run "$scratch/tales.gguf" '17 250 31' --raw-ids -n 4
expect 'inspect of a GGUF file' 0 'matmul.blocks: .*quantized weights' $weft inspect "$scratch/tales.gguf"
# Quantized, so it is off.
expect 'check of a GGUF file' 1 'prefill' $weft check "$scratch/tales.gguf" --io "$model/io.safetensors"
ln -s tales.gguf "$scratch/sha256-0a1b"
expect 'run of a GGUF file by another name' 0 '^[0-9 ]*$' $weft run "$scratch/sha256-0a1b" '17 250 31' --raw-ids -n 4
expect 'inspect of a GGUF file by another name' 0 'quantized weights' $weft inspect "$scratch/sha256-0a1b"
expect 'check of a GGUF file by another name' 1 'prefill' $weft check "$scratch/sha256-0a1b" --io "$model/io.safetensors"
expect 'tokenize with a GGUF file by another name' 0 '^[0-9 ]*$' $weft tokenize "$scratch/sha256-0a1b" 'Once upon a time'
expect 'template of a GGUF file by another name' 1 'has no chat template' $weft template "$scratch/sha256-0a1b"
expect 'perplexity of a GGUF file by another name' 0 'perplexity' $weft eval perplexity "$scratch/sha256-0a1b" "$source/LICENSE"
expect 'quantize from a GGUF file by another name' 1 'must be a model directory' $weft quantize "$scratch/sha256-0a1b" "$scratch/no.gguf"
expect 'quantize over a file of the model' 2 'must end in .gguf' $weft quantize "$model" "$scratch/model.safetensors"
expect 'quantize: a type for nothing' 2 "matches 'nothing" \
  $weft quantize "$model" "$scratch/no.gguf" --keep 'nothing*=f16'
expect 'quantize what GGUF has no name for' 3 "no name for the architecture 'zamba2'" \
  $weft quantize "$source/tests/goldens/models/zamba2" "$scratch/no.gguf"
expect 'quantize to another type' 2 'weft writes' $weft quantize "$model" "$scratch/no.gguf" --type q9
expect 'quantize nothing' 1 'no such file' $weft quantize "$scratch/nothing" "$scratch/no.gguf"
[ ! -e "$scratch/no.gguf" ] || fails 'quantize: a file is left behind'

# A signal, or a disk that is full, leaves no half file, and what was there before stays.
mkdir -p "$scratch/out"
leftovers() {
  if [ "$(ls "$scratch/out")" != "$1" ]; then failed=$((failed + 1)); echo "FAILED $2: there is $(ls "$scratch/out" | tr '\n' ' ')"; fi
}
echo old >"$scratch/out/model.gguf"
for signal in TERM HUP INT; do
  $weft quantize "$model" "$scratch/out/model.gguf" --type q4_k >/dev/null 2>&1 &
  process=$!
  tries=0
  until ls "$scratch/out" | grep -q 'gguf\.' || [ "$tries" -eq 1000 ]; do sleep 0.01; tries=$((tries + 1)); done
  kill -"$signal" "$process" 2>/dev/null
  wait "$process"
  got=$?
  case $signal in TERM) code=143 ;; HUP) code=129 ;; *) code=130 ;; esac
  if [ "$got" -eq "$code" ]; then echo "ok quantize, SIG$signal"; else failed=$((failed + 1)); echo "FAILED quantize, SIG$signal: exit code $got"; fi
  leftovers model.gguf "quantize, SIG$signal"
done
expect 'quantize where a file may not grow' 1 'cannot write' sh -c "ulimit -f 1000 && $weft quantize '$model' '$scratch/out/model.gguf' --type q8_0"
leftovers model.gguf 'quantize where a file may not grow'
expect 'what was there before stays' 0 '^old$' cat "$scratch/out/model.gguf"
expect 'a picture where a file may not grow' 1 'cannot write' sh -c "ulimit -f 1 && $weft inspect '$model' --no-device --svg '$scratch/out/a.svg'"
leftovers model.gguf 'a picture where a file may not grow'
nohup $weft run "$model" 'Once upon a time' -n 200 --context 4096 --ignore-end >"$scratch/stopped" 2>&1 &
process=$!
sleep 1
kill -HUP "$process" 2>/dev/null
wait "$process"
got=$?
if [ "$got" -eq 0 ]; then echo 'ok nohup'; else failed=$((failed + 1)); echo "FAILED nohup: exit code $got"; fi
(echo 'Tell me of a dog.'; until [ -e "$scratch/terminated" ]; do sleep 0.2; done) | $weft chat "$model" --template "$scratch/tale.jinja" --greedy -n 4000 >"$scratch/answer" 2>/dev/null &
process=$!
tries=0
until [ -s "$scratch/answer" ] || [ "$tries" -eq 300 ]; do sleep 0.2; tries=$((tries + 1)); done
kill -TERM "$process" 2>/dev/null
: >"$scratch/terminated"
wait "$process"
got=$?
if [ "$got" -eq 143 ]; then echo 'ok SIGTERM in a conversation'; else failed=$((failed + 1)); echo "FAILED SIGTERM in a conversation: exit code $got"; fi

stories=$goldens/../models/stories260K-hf
expected=$goldens/../data/stories260K/expected_test_all.py.txt
if [ -e "$stories/config.json" ] && [ -e "$expected" ]; then
  # The recorded text stands in a Python file, as a bytes literal.
  $weft run "$stories" '' --greedy -n 200 --ignore-end >"$scratch/story"
  wanted=$(sed -n "s/^expected_stdout = b'\(.*\)'$/\1/p" "$expected" | head -n 1)
  printf '%b' "$wanted" | sed "s/\\\\'/'/g" >"$scratch/wanted"
  size=$(wc -c <"$scratch/wanted")
  if [ "$size" -gt 100 ] && head -c "$size" "$scratch/story" | cmp -s - "$scratch/wanted"; then
    passes 'stories260K byte for byte'
  else
    fails "stories260K: $(head -c 300 "$scratch/story")"
  fi
else
  skipped=$((skipped + 1))
  echo 'SKIPPED stories260K: the data is not here'
fi

echo "$failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
